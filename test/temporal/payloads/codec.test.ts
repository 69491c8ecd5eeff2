import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { defaultPayloadConverter, type Payload } from '@temporalio/common';
import { afterAll, describe, expect, test } from 'vitest';
import { PayloadUnreadable, payloadCodec } from '../../../src/temporal/payloads/codec.js';
import { parsePayloadKeys, payloadKeys } from '../../../src/temporal/payloads/keys.js';

const line = (id: string) => `${id}:${randomBytes(32).toString('base64')}`;
const [one, two] = [line('2026-11'), line('2026-12')];
const value = { tenant: 'acme', why: 'zażółć' };
const plain = defaultPayloadConverter.toPayload(value);
const open = (payload: Payload | undefined) => defaultPayloadConverter.fromPayload(payload as Payload);

async function encrypted(keys = one): Promise<Payload> {
  const [payload] = await payloadCodec(parsePayloadKeys(keys), 'throw').encode([plain]);
  return payload as Payload;
}
const decrypt = (payload: Payload, keys: string | null, unreadable: 'throw' | 'keep' = 'throw') =>
  payloadCodec(keys === null ? null : parsePayloadKeys(keys), unreadable).decode([payload]);

describe('a payload', () => {
  test('is encrypted with the first key, differently each time, and decrypts to what it was', async () => {
    const [payload, again] = [await encrypted(`${one}\n${two}`), await encrypted(`${one}\n${two}`)];
    const stored = Buffer.from(payload.data ?? []).toString('latin1');
    expect(stored).not.toContain('acme');
    expect(Buffer.from(again.data ?? []).toString('latin1')).not.toBe(stored);
    expect(Buffer.from(payload.metadata?.['encryption-key-id'] ?? []).toString()).toBe('2026-11');
    expect((await decrypt(payload, one)).map(open)).toEqual([value]);
  });

  test('of an older key decrypts after a rotation', async () => {
    expect((await decrypt(await encrypted(one), `# new\n${two}\n\n${one}\r\n`)).map(open)).toEqual([value]);
  });

  test('that is not encrypted passes, with a key and without one', async () => {
    expect(await decrypt(plain, one)).toEqual([plain]);
    expect(await decrypt(plain, null)).toEqual([plain]);
    expect(await payloadCodec(null, 'throw').encode([plain])).toEqual([plain]);
  });

  test.each<[string, string | null, (payload: Payload) => Payload, string]>([
    ['without any key', null, (payload) => payload, 'encrypted with key 2026-11: set CANARY_PAYLOAD_KEY_FILE'],
    [
      'of a key that is not there',
      two,
      (payload) => payload,
      'encrypted with key 2026-11: CANARY_PAYLOAD_KEY_FILE does not',
    ],
    ['of another key with the same id', line('2026-11'), (payload) => payload, 'does not decrypt with key 2026-11'],
    ['that was changed', one, flipped, 'does not decrypt with key 2026-11'],
    [
      'that was cut',
      one,
      ({ metadata }) => ({ metadata, data: Buffer.alloc(8) }) as Payload,
      'does not decrypt with key',
    ],
  ])('%s is refused in one line, or kept as it is', async (_case, keys, change, line) => {
    const payload = change(await encrypted());
    const failure = await decrypt(payload, keys).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(PayloadUnreadable);
    expect((failure as Error).message).toContain(line);
    expect(await decrypt(payload, keys, 'keep')).toEqual([payload]);
  });
});

function flipped({ metadata, data }: Payload): Payload {
  const changed = Buffer.from(data ?? []);
  changed.writeUInt8(changed.readUInt8(20) ^ 1, 20);
  return { metadata, data: changed } as Payload;
}

describe('the key file', () => {
  const folder = mkdtempSync(join(tmpdir(), 'canary-keys-'));
  afterAll(() => rmSync(folder, { recursive: true }));
  const file = join(folder, 'keys');

  test('is read from where the variable says; unset or blank, nothing is encrypted', () => {
    writeFileSync(file, `\uFEFF${one}\n`);
    expect(payloadKeys({ CANARY_PAYLOAD_KEY_FILE: file })?.first).toBe('2026-11');
    expect(payloadKeys({ CANARY_PAYLOAD_KEY_FILE: ' ' })).toBeNull();
    expect(payloadKeys({})).toBeNull();
  });

  test.each([
    ['', 'no line with a key'],
    ['# only a comment', 'no line with a key'],
    ['secret-without-id', 'line 1 is not id:key'],
    [`${one}\nk:${randomBytes(16).toString('base64')}`, 'line 2 is not id:key'],
    [`${one}\n${one}`, 'line 2 repeats the id 2026-11'],
  ])('%j is refused, and never quoted', (text, why) => {
    const read = () => parsePayloadKeys(text);
    expect(read).toThrow(why);
    expect(read).not.toThrow('secret-without-id');
  });

  test('that is missing is named', () => {
    expect(() => payloadKeys({ CANARY_PAYLOAD_KEY_FILE: '/nowhere/keys' })).toThrow(
      'CANARY_PAYLOAD_KEY_FILE: ENOENT: /nowhere/keys',
    );
  });
});
