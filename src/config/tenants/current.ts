import { liveFile } from '../../net/live-file.js';
import type { Env } from '../schema.js';

/** A secret as it is now: its file is read again, for secrets are rotated while a worker runs. */
export function current<T>(
  name: string,
  first: T,
  parse: (text: string) => T,
  { env, readFile }: { env: Env; readFile: (path: string) => string },
): () => T {
  const path = env[`${name}_FILE`]?.trim();
  return path ? liveFile(first, () => readFile(path), parse) : () => first;
}
