import { createSecretKey, type KeyObject } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { InvalidInput } from '../../contract/brand.js';
import { type FileNews, liveFile } from '../../net/live-file.js';

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

/** What a person may know of the keys: ids, and no key. */
export const keyIds = ({ byId }: PayloadKeys): string[] => [...byId.keys()];

/** The keys that the environment names, as they are now in their file; null if it names none.
 * @param news is told of other keys, and of a file that does not count.
 * @throws {InvalidInput} if the file cannot be read, or is not one of keys; the text never quotes it. */
export function payloadKeys(env: Env, news?: FileNews<PayloadKeys>): PayloadKeys | null {
  const text = readNamedFile(env, KEY_FILE);
  if (text === null) return null;
  let known = parsePayloadKeys(text);
  const changed = (keys: PayloadKeys) => {
    // A comment, or a blank line, changes no key.
    if (!isSame(keys, known)) news?.changed(keys);
    known = keys;
  };
  const current = liveFile(known, () => readNamedFile(env, KEY_FILE) ?? '', parsePayloadKeys, {
    news: news && { ...news, changed },
  });
  return {
    get first() {
      return current().first;
    },
    get byId() {
      return current().byId;
    },
  };
}

function isSame(one: PayloadKeys, other: PayloadKeys): boolean {
  const [own, others] = [[...one.byId], [...other.byId]];
  return (
    own.length === others.length &&
    own.every(([id, key], index) => id === others[index]?.[0] && others[index]?.[1].equals(key) === true)
  );
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
