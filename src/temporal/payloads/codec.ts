import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import type { Payload, PayloadCodec } from '@temporalio/common';
import proto from '@temporalio/proto';
import { ENCRYPTED, KEY_ID, keyIdOf } from '../../domain/payloads/encrypted.js';
import { KEY_FILE, type PayloadKeys } from './keys.js';

const CIPHER = 'aes-256-gcm';
const NONCE_BYTES = 12;
const TAG_BYTES = 16;

const { Payload: PayloadType } = proto.temporal.api.common.v1;
const bytes = (text: string) => new TextEncoder().encode(text);

/** A payload that is encrypted and cannot be decrypted here. */
export class PayloadUnreadable extends Error {
  override readonly name = 'PayloadUnreadable';
}

/**
 * Encrypts every payload with the first key, if there is one, and decrypts with the key that it names. Payloads that are not encrypted
 * pass: runs from before the first key, and what people send from the Temporal UI.
 * @param unreadable what becomes of a payload that cannot be decrypted: `throw`, or `keep` as it is. A worker keeps it, for one such
 * signal would fail the workflow task for ever; the payload converter then refuses it.
 * @throws {PayloadUnreadable}
 */
export function payloadCodec(keys: PayloadKeys | null, unreadable: 'throw' | 'keep'): PayloadCodec {
  const decrypt = (payload: Payload): Payload => {
    const id = keyIdOf(payload.metadata);
    if (id === null) return payload;
    try {
      return decryptPayload(payload, id, keys);
    } catch (error) {
      if (unreadable === 'keep') return payload;
      throw error;
    }
  };
  return {
    encode: async (payloads) => (keys === null ? payloads : payloads.map((payload) => encryptPayload(payload, keys))),
    decode: async (payloads) => payloads.map(decrypt),
  };
}

function encryptPayload(payload: Payload, { first, byId }: PayloadKeys): Payload {
  const key = byId.get(first);
  if (key === undefined) throw new Error(`there is no key ${first}`);
  const nonce = randomBytes(NONCE_BYTES);
  const cipher = createCipheriv(CIPHER, key, nonce);
  const data = Buffer.concat([nonce, cipher.update(PayloadType.encode(payload).finish()), cipher.final()]);
  return {
    metadata: { encoding: bytes(ENCRYPTED), 'encryption-cipher': bytes(CIPHER), [KEY_ID]: bytes(first) },
    data: Buffer.concat([data, cipher.getAuthTag()]),
  };
}

function decryptPayload(payload: Payload, id: string, keys: PayloadKeys | null): Payload {
  const key = keys?.byId.get(id);
  if (key === undefined)
    throw new PayloadUnreadable(
      `the payload is encrypted with key ${id}: ${keys === null ? `set ${KEY_FILE}` : `${KEY_FILE} does not have it`}`,
    );
  const data = Buffer.from(payload.data ?? []);
  try {
    if (data.length < NONCE_BYTES + TAG_BYTES) throw new Error('too short');
    const decipher = createDecipheriv(CIPHER, key, data.subarray(0, NONCE_BYTES));
    decipher.setAuthTag(data.subarray(-TAG_BYTES));
    const clear = [decipher.update(data.subarray(NONCE_BYTES, -TAG_BYTES)), decipher.final()];
    return PayloadType.decode(Buffer.concat(clear)) as Payload;
  } catch (cause) {
    throw new PayloadUnreadable(
      `the payload does not decrypt with key ${id}: it was changed, or the key is another one`,
      {
        cause,
      },
    );
  }
}
