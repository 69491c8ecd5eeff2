import { type Brand, invalid } from './brand.js';

/** Commit sha, 7 to 40 lower-case hex digits. Tags and workflow ids use its first 7. */
export type Sha = Brand<'Sha'>;

const SHA = /^[0-9a-f]{7,40}$/;
const SHORT = 7;

/** Parses a commit sha.
 * @throws {InvalidInput} */
export function parseSha(text: unknown): Sha {
  if (typeof text === 'string' && SHA.test(text)) return text as Sha;
  throw invalid('sha', text, '7 to 40 lower-case hex digits, e.g. 4c1d56e');
}

/** First 7 digits of a sha, as in tags and workflow ids. */
export function shortSha(sha: string): string {
  return sha.slice(0, SHORT);
}

/** Whether two shas name one build: one is a prefix of the other, at least 7 digits. Values such as `dev` never match. */
export function sameBuild(a: string, b: string): boolean {
  const length = Math.min(a.length, b.length);
  return SHA.test(a) && SHA.test(b) && a.slice(0, length) === b.slice(0, length);
}
