import { type Brand, InvalidInput, shown } from './brand.js';

/** A commit sha, 7 to 40 lower-case hex digits. Tags and workflow ids use its first 7. */
export type Sha = Brand<'Sha'>;

const SHA = /^[0-9a-f]{7,40}$/;
const SHORT = 7;

/** @throws {InvalidInput} */
export function parseSha(text: unknown): Sha {
  if (typeof text === 'string' && SHA.test(text)) return text as Sha;
  throw new InvalidInput(`sha ${shown(text)} is not 7 to 40 lower-case hex digits, e.g. 4c1d56e`);
}

/** The first 7 digits: what tags and workflow ids carry. */
export function shortSha(sha: string): string {
  return sha.slice(0, SHORT);
}

/** Whether two shas of any length name one build: equal by prefix, at least 7 digits. `dev` and other words name none. */
export function sameBuild(a: string, b: string): boolean {
  const length = Math.min(a.length, b.length);
  return SHA.test(a) && SHA.test(b) && a.slice(0, length) === b.slice(0, length);
}
