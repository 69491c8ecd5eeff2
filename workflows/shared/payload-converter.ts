import { DefaultPayloadConverter, type Payload, type PayloadConverter } from '@temporalio/common';
import { keyIdOf } from '../../src/domain/payloads/encrypted.js';

/** Marker for a payload that cannot be decoded. */
export interface Undecodable {
  undecodable: string;
  /** Of the key that encrypted it, if one did: a worker that has it reads the payload. */
  keyId?: string;
}

const FIELDS = ['undecodable', 'keyId'] satisfies (keyof Undecodable)[] as string[];

export const isUndecodable = (value: unknown): value is Undecodable =>
  typeof (value as Partial<Undecodable> | null)?.undecodable === 'string' &&
  Object.keys(Object(value)).every((name) => FIELDS.includes(name));

/**
 * Payload converter that returns a marker for a payload that it cannot decode: one such signal would otherwise fail the workflow task for
 * good, and with it queries, abort and cancel (docs/protocol.md, Messages that cannot break a run).
 */
export const payloadConverter: PayloadConverter = {
  toPayload: (value) => standard.toPayload(value),
  fromPayload<T>(payload: Payload): T {
    try {
      return standard.fromPayload<T>(payload);
    } catch (error) {
      const keyId = keyIdOf(payload.metadata);
      const marker: Undecodable =
        keyId === null ? { undecodable: why(error) } : { undecodable: encrypted(keyId), keyId };
      return marker as T;
    }
  },
};

const why = (error: unknown) => (error instanceof Error ? error.message.slice(0, 200) : 'unreadable');
const encrypted = (keyId: string) => `it is encrypted with key ${keyId}, and this worker cannot decrypt that`;

const standard = new DefaultPayloadConverter();
