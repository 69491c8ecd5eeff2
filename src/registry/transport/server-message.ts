import { formsOf, SHORT } from '../../net/redact.js';
import { parseJson } from './json.js';

/** Enough to be understood, too little to fill a log. */
const MAX_WORDS = 300;
const CODE = /^[A-Za-z0-9_.-]{1,64}$/;

/** What a server says went wrong, in one line, and the first error code it names. */
export interface ServerWords {
  code?: string;
  text: string;
}

/** Reads an error's body: the OCI form, a token server's, plain text or HTML. Never throws, and repeats none of the secrets. */
export function serverWords(body: Buffer, secrets: Iterable<string>): ServerWords {
  const text = body.toString('utf8');
  const found = fromJson(text);
  // Before the line is cut: half a secret is one, too.
  // And before tags are taken out of it: what is between two angles may be a part of one.
  const clean = found ? withoutSecrets(found.text, secrets) : withoutSecrets(text, secrets).replace(TAGS, ' ');
  const code = withoutSecrets(found?.code ?? '', secrets);
  return { text: oneLine(clean), ...(CODE.test(code) && { code }) };
}

const TAGS = /<(?:style|script|title)\b[^<]*|<[^>]*>/gi;

/** One line without control characters, which could redraw a terminal, cut to what a message bears. */
export function oneLine(text: string): string {
  const line = text
    // A megabyte of it has to be cut before it is worked on.
    .slice(0, 8 * MAX_WORDS)
    .replace(/[\p{C}\s]+/gu, ' ')
    .trim();
  return line.length > MAX_WORDS ? `${line.slice(0, MAX_WORDS - 3)}...` : line;
}

/** The text without any of these secrets in any of their forms, should a server send one back to us. */
export function withoutSecrets(text: string, secrets: Iterable<string>): string {
  const forms = [...secrets].filter(({ length }) => length >= SHORT).flatMap(formsOf);
  // The longest first: what is left of one would be a part of a secret.
  forms.sort((a, b) => b.length - a.length);
  return forms.reduce((clean, form) => (form.length < SHORT ? clean : clean.replaceAll(form, '[secret]')), text);
}

function fromJson(text: string): { code?: string; text: string } | null {
  const value = parseJson(text);
  if (typeof value !== 'object' || value === null) return null;
  const parsed = asObject(value);
  if (Array.isArray(parsed.errors) && parsed.errors.length > 0) {
    const errors = parsed.errors.slice(0, 5).map(asObject);
    const code = textOf(errors[0]?.code);
    return { ...(code && { code }), text: errors.map((error) => sayings(error.message, error.detail)).join('; ') };
  }
  // A token server's: {"error","error_description"}, {"details"}, {"message"}.
  const code = textOf(parsed.error) || textOf(parsed.code);
  const said = sayings(parsed.error_description ?? parsed.message ?? parsed.details ?? parsed.error, undefined);
  return { ...(code && { code }), text: said };
}

function sayings(message: unknown, detail: unknown): string {
  const more = typeof detail === 'string' ? detail : detail ? JSON.stringify(detail) : '';
  return [textOf(message), more].filter((part) => part !== '').join(' ');
}

const textOf = (value: unknown) => (typeof value === 'string' ? value : '');
const asObject = (value: unknown): Record<string, unknown> =>
  typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
