import { DefaultPayloadConverter, type Payload, type PayloadConverter } from '@temporalio/common';

/** Marker for a payload that cannot be decoded. */
export interface Undecodable {
  undecodable: string;
}

export const isUndecodable = (value: unknown): value is Undecodable =>
  typeof (value as Partial<Undecodable> | null)?.undecodable === 'string' && Object.keys(Object(value)).length === 1;

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
      const marker: Undecodable = { undecodable: error instanceof Error ? error.message.slice(0, 200) : 'unreadable' };
      return marker as T;
    }
  },
};

const standard = new DefaultPayloadConverter();
