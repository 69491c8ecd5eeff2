import { DefaultPayloadConverter, type Payload, type PayloadConverter } from '@temporalio/common';

/** What stands for a payload that cannot be read. */
export interface Undecodable {
  undecodable: string;
}

/**
 * Decodes what it can, and gives a marker for the rest: one signal that cannot be decoded would otherwise fail the workflow task for ever,
 * and queries, abort and cancel with it (docs/protocol.md, Messages that cannot break a run).
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
