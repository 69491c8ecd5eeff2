import { InvalidInput } from './brand.js';

/** A secret that cannot be sent. */
export class InvalidSecret extends InvalidInput {
  /** @param why what is wrong with it.
   * @param fix what helps with one that a person wrote; not with one that a server answers. */
  constructor(
    readonly why: string,
    fix: string,
  ) {
    super(`${why} (${fix})`);
  }
}

/**
 * The text of a token, as it is sent. A file or a variable may have a byte order mark, blanks and line breaks around it.
 * @throws {InvalidInput} which does not contain it; the caller names its variable or file.
 */
export const parseToken = (given: string): string =>
  parse(given, /^[\x21-\x7e]*$/, 'blanks, line breaks, or letters beyond ASCII');

/** The text of a password, or of a header's value: as a token, but with spaces inside.
 * @throws {InvalidInput} which does not contain it. */
export const parseSecretText = (given: string): string =>
  parse(given, /^[\x20-\x7e]*$/, 'line breaks, or letters beyond ASCII');

/**
 * A password that is sent in base64, so any letter and outer blanks belong to it (RFC 7617). A byte order mark before it and line breaks
 * around it do not.
 * @throws {InvalidInput} which does not contain it.
 */
export function parsePassword(given: string): string {
  const text = given.replace(/^\ufeff/, '').replace(/^[\r\n]+|[\r\n]+$/g, '');
  return short(text, /^[^\p{Cc}\p{Cf}]*$/u, 'line breaks, or control characters');
}

/** Longest secret, in characters: servers refuse longer headers. */
const MAX_SECRET = 16_384;

// Byte order marks count as blanks here.
const parse = (given: string, visible: RegExp, others: string): string => short(given.trim(), visible, others);

function short(text: string, visible: RegExp, others: string): string {
  if (text.length > MAX_SECRET)
    throw new InvalidSecret(`is longer than ${MAX_SECRET} characters`, 'is it the right file?');
  if (!visible.test(text))
    throw new InvalidSecret(`has characters that no header carries: ${others}`, 'write it again');
  return text;
}
