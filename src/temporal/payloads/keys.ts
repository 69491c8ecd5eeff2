import { createSecretKey, type KeyObject } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { InvalidInput } from '../../contract/brand.js';
import { liveFile } from '../../net/live-file.js';

/** Variable that names the file of the keys. */
export const KEY_FILE = 'CANARY_PAYLOAD_KEY_FILE';
/** Length of an AES-256 key, in bytes. */
const KEY_BYTES = 32;
const KEY_LINE = /^(?<id>[A-Za-z0-9._-]{1,64}):(?<key>[A-Za-z0-9+/_-]{43}=?)$/;

type Env = Readonly<Record<string, string | undefined>>;

/** Keys of payloads, by id. The first one encrypts; each of them decrypts, so that keys can be rotated. */
export interface PayloadKeys {
  first: string;
  byId: ReadonlyMap<string, KeyObject>;
}

/** The keys that the environment names, as they are now in their file; null if it names none.
 * @throws {InvalidInput} if the file cannot be read, or is not one of keys; the text never quotes it. */
export function payloadKeys(env: Env): PayloadKeys | null {
  const text = readNamedFile(env, KEY_FILE);
  if (text === null) return null;
  const current = liveFile(parsePayloadKeys(text), () => readNamedFile(env, KEY_FILE) ?? '', parsePayloadKeys);
  return {
    get first() {
      return current().first;
    },
    get byId() {
      return current().byId;
    },
  };
}

/** Text of the file that a variable names; null if it is unset or blank.
 * @throws {InvalidInput} if the file cannot be read. */
export function readNamedFile(env: Env, variable: string): string | null {
  const file = env[variable]?.trim();
  if (!file) return null;
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw new InvalidInput(`${variable}: ${(error as NodeJS.ErrnoException).code ?? 'cannot be read'}: ${file}`);
  }
}

/** Parses lines of `id:key`; a key is 32 bytes in base64. Blank lines, and lines that begin with `#`, are skipped.
 * @throws {InvalidInput} */
export function parsePayloadKeys(text: string): PayloadKeys {
  const lines = text.replace(/^\uFEFF/, '').split(/\r?\n/);
  const byId = new Map<string, KeyObject>();
  lines.forEach((untrimmed, index) => {
    const line = untrimmed.trim();
    if (line === '' || line.startsWith('#')) return;
    const { id, key } = KEY_LINE.exec(line)?.groups ?? {};
    const bytes = Buffer.from(key ?? '', 'base64');
    if (id === undefined || bytes.length !== KEY_BYTES)
      throw new InvalidInput(
        `${KEY_FILE}: line ${index + 1} is not id:key with a key of ${KEY_BYTES} bytes in base64 (openssl rand -base64 ${KEY_BYTES})`,
      );
    if (byId.has(id)) throw new InvalidInput(`${KEY_FILE}: line ${index + 1} repeats the id ${id}`);
    byId.set(id, createSecretKey(bytes));
  });
  const [first] = byId.keys();
  if (first === undefined) throw new InvalidInput(`${KEY_FILE}: no line with a key`);
  return { first, byId };
}
