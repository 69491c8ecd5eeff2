// What is shown of an answer that is compared. A tenant may answer a secret in any field.

/** What stands in place of a value that is compared, and not shown. */
export const NOT_SHOWN = '(not shown)';

/** Longest path of a value that is shown, in characters. */
const MAX_PATH = 60;
/** How much of a path is looked through for secrets, in characters: that takes time. */
const MAX_REDACTED = 512;

/** Names of values that are not shown. */
const SENSITIVE =
  /secret|token|pass|pwd|credential|cookie|auth|bearer|jwt|webhook|cert|pem|ur[il]|conn|dsn|(?:api|private|access|signing|encryption)[^a-z]?key/i;

/** Texts that are shown: up to three words of letters, as of an enumeration, or a version. */
const ENUM = /^(?=.{1,24}$)[A-Za-z]{1,20}(?:[-_][A-Za-z]{1,20}){0,2}$/;
const VERSION = /^v?\d{1,5}(?:\.\d{1,5}){0,3}(?:[-+][a-z]{1,8}(?:\.?\d{1,3})?)?$/;

/** A value as it is shown. Lists, objects and all other texts are not: nothing says that they hold no secret. */
export function shownValue(path: readonly string[], value: unknown, redact: (text: string) => string): string {
  if (path.some((name) => SENSITIVE.test(name))) return NOT_SHOWN;
  if (value !== null && typeof value === 'object') return NOT_SHOWN;
  if (typeof value === 'string' && !(ENUM.test(value) || VERSION.test(value))) return NOT_SHOWN;
  return redact(JSON.stringify(value));
}

/** Path of a value, cut and without the secrets of the gate. */
export function shownPath(path: readonly string[], redact: (text: string) => string): string {
  if (path.length === 0) return 'the answer';
  const text = redact(path.join('.').slice(0, MAX_REDACTED));
  return text.length > MAX_PATH ? `${text.slice(0, MAX_PATH - 1).replace(/[\ud800-\udbff]$/, '')}…` : text;
}
