import { type Client, WorkflowClient } from '@temporalio/client';
import type { PayloadCodec, PayloadConverter } from '@temporalio/common';

const clients = new WeakMap<Client, WorkflowClient>();

/**
 * Workflow client for descriptions and lists, which the SDK fails as a whole if it cannot decode a memo. Anybody may start a run with
 * such a memo under one of our ids: here, what cannot be decoded is undefined.
 */
export function tolerantOf(client: Client): WorkflowClient {
  const known = clients.get(client);
  if (known) return known;
  const { namespace, loadedDataConverter } = client.options;
  const { payloadConverter, payloadCodecs } = loadedDataConverter;
  const dataConverter = {
    ...loadedDataConverter,
    payloadConverter: tolerantConverter(payloadConverter),
    payloadCodecs: payloadCodecs.map(tolerantCodec),
  };
  const tolerant = new WorkflowClient({ connection: client.connection, namespace, dataConverter });
  clients.set(client, tolerant);
  return tolerant;
}

const tolerantConverter = (converter: PayloadConverter): PayloadConverter => ({
  toPayload: (value) => converter.toPayload(value),
  fromPayload: <T>(payload: Parameters<PayloadConverter['fromPayload']>[0]): T => {
    try {
      return converter.fromPayload<T>(payload);
    } catch {
      return undefined as T;
    }
  },
});

const tolerantCodec = (codec: PayloadCodec): PayloadCodec => ({
  encode: (payloads, context) => codec.encode(payloads, context),
  decode: (payloads, context) => codec.decode(payloads, context).catch(() => payloads),
});
