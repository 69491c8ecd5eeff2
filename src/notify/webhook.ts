import { createHmac } from 'node:crypto';
import type { DeliveredEvent, ReleaseEvent } from '../contract/events.js';
import type { Network } from '../net/network.js';
import { type CloudEventContext, cloudEventOf } from './cloud-event.js';
import { post, type Sink } from './sink.js';

/** Where a webhook is, and the secrets that sign for it: as they are now. */
export interface Webhook {
  url: () => string;
  secrets: () => Buffer[];
}

/** A webhook of CloudEvents, signed by the Standard Webhooks scheme. */
export function webhookSink(
  { url, secrets }: Webhook,
  /** Types that it takes; null: all. */
  types: ReleaseEvent['type'][] | null,
  network: Network,
  context: CloudEventContext,
): Sink {
  const name = 'webhook';
  return {
    name,
    takes: ({ type }) => types === null || types.includes(type),
    async deliver(event) {
      const body = JSON.stringify(cloudEventOf(event, context));
      await post(name, network, url(), signatureOf(event, body, secrets(), Date.now()), body);
    },
  };
}

/** Headers of a delivery. A receiver that has taken its id before ignores it.
 * @param now epoch in milliseconds. */
export function signatureOf({ id }: Pick<DeliveredEvent, 'id'>, body: string, secrets: Buffer[], now: number) {
  const timestamp = String(Math.floor(now / 1000));
  const sign = (secret: Buffer) =>
    `v1,${createHmac('sha256', secret).update(`${id}.${timestamp}.${body}`).digest('base64')}`;
  return {
    'content-type': 'application/cloudevents+json',
    'webhook-id': id,
    'webhook-timestamp': timestamp,
    // One for each secret, so that a receiver can change to a new one.
    'webhook-signature': secrets.map(sign).join(' '),
  };
}
