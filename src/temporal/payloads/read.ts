import type { Client } from '@temporalio/client';
import type { Payload, ProtoFailure } from '@temporalio/common';

/** Value of a payload that an API call of the server returned as it is stored; null if there is none. */
export async function readPayload(client: Client, payload: Payload | null | undefined): Promise<unknown> {
  if (!payload) return null;
  const { payloadConverter, payloadCodecs } = client.options.loadedDataConverter;
  let decoded = payload;
  for (const codec of payloadCodecs.toReversed()) [decoded = payload] = await codec.decode([decoded]);
  return payloadConverter.fromPayload(decoded);
}

/** Message of a stored failure: an encrypted one has it in a payload. */
export async function readFailure(client: Client, failure: ProtoFailure | null | undefined): Promise<string | null> {
  if (!failure?.encodedAttributes) return failure?.message ?? null;
  const { message } = Object(await readPayload(client, failure.encodedAttributes)) as { message?: unknown };
  return typeof message === 'string' ? message : null;
}
