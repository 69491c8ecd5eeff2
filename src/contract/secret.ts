import { InvalidInput } from './brand.js';

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

/** Longest secret, in characters: servers refuse longer headers. */
const MAX_SECRET = 16_384;

function parse(given: string, visible: RegExp, others: string): string {
  // Byte order marks count as blanks here.
  const text = given.trim();
  if (text.length > MAX_SECRET)
    throw new InvalidInput(`is longer than ${MAX_SECRET} characters (is it the right file?)`);
  if (!visible.test(text)) throw new InvalidInput(`has characters that no header carries: ${others} (write it again)`);
  return text;
}
