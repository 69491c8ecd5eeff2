import { collapsed } from '../../contract/brand.js';
import { createRedactor, parseJson } from '../../net/redact.js';
import type { Registry } from '../context.js';

/** Longest message, in characters. */
const MAX_LENGTH = 300;
const CODE = /^[A-Za-z0-9_.-]{1,64}$/;

/** Error message of a server in one line, and the first error code that it names. */
export interface ServerMessage {
  code?: string;
  text: string;
}

/** Longest part of a body that is searched for secrets, in characters. */
const MAX_SEARCHED = 64 * 1024;

/** Reads an error's body: the OCI form, a token server's, plain text or HTML. Never throws, and repeats none of the secrets. */
export function serverMessage(body: Buffer, secrets: Iterable<string>): ServerMessage {
  const redact = createRedactor(secrets);
  const text = body.toString('utf8');
  const found = fromJson(text);
  // Secrets are replaced before tags are removed, for text between two angle brackets may be part of a secret,
  // and after it, for a tag may be inside a secret; and before the line is cut, for half a secret is one too.
  const shown = redact((found?.text ?? text).slice(0, MAX_SEARCHED));
  const code = redact((found?.code ?? '').slice(0, MAX_SEARCHED));
  return { text: oneLine(found ? shown : redact(shown.replace(TAGS, ' '))), ...(CODE.test(code) && { code }) };
}

// No tag goes past the next `<`: a body of nothing else would take the square of its length.
const TAGS = /<(?:style|script|title)\b[^<]*|<[^<>]*>/gi;

/** One line without control characters, which could redraw a terminal, of at most 300 characters. */
export function oneLine(text: string): string {
  // A megabyte is cut before it is searched.
  const line = collapsed(text.slice(0, 8 * MAX_LENGTH), ' ').trim();
  return line.length > MAX_LENGTH ? `${line.slice(0, MAX_LENGTH - 3)}...` : line;
}

function fromJson(text: string): { code?: string; text: string } | null {
  const value = parseJson(text);
  if (typeof value !== 'object' || value === null) return null;
  const parsed = asObject(value);
  if (Array.isArray(parsed.errors) && parsed.errors.length > 0) {
    const errors = parsed.errors.slice(0, 5).map(asObject);
    const code = textOf(errors[0]?.code);
    return { ...(code && { code }), text: errors.map((error) => textsOf(error.message, error.detail)).join('; ') };
  }
  // A token server's form: {"error","error_description"}, {"details"}, {"message"}.
  const code = textOf(parsed.error) || textOf(parsed.code);
  const found = textsOf(parsed.error_description ?? parsed.message ?? parsed.details ?? parsed.error, undefined);
  return { ...(code && { code }), text: found };
}

function textsOf(message: unknown, detail: unknown): string {
  const more = typeof detail === 'string' ? detail : detail ? jsonOf(detail) : '';
  return [textOf(message), more].filter((part) => part !== '').join(' ');
}

/** A value as JSON; empty if it is nested too deeply for that. */
function jsonOf(value: unknown): string {
  try {
    return JSON.stringify(value);
  } catch {
    return '';
  }
}

const textOf = (value: unknown) => (typeof value === 'string' ? value : '');
const asObject = (value: unknown): Record<string, unknown> =>
  typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};

const MAX_WARNINGS = 100;
/** distribution-spec, "Warnings": `Warning: 299 - "text"`. */
const WARNING = /^299 \S+ "((?:[^"\\]|\\.)*)"/;

/** Passes on the warnings of registries, each line once in the life of a client, at most 100. */
export function createWarnings(onWarning: (line: string) => void): Registry['warn'] {
  const seen = new Set<string>();
  return (host, header, secrets) => {
    for (const value of [header ?? []].flat()) {
      const text = WARNING.exec(value)?.[1]?.replace(/\\(.)/g, '$1');
      if (!text || seen.size >= MAX_WARNINGS) continue;
      const line = `${host} warns: ${oneLine(createRedactor(secrets)(text))}`;
      if (seen.has(line)) continue;
      seen.add(line);
      onWarning(line);
    }
  };
}
