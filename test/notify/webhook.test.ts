import { createHmac } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeEach, describe, expect, test } from 'vitest';
import { parseWebhookSecrets } from '../../src/config/sink-settings.js';
import { type DeliveredEvent, endEvent } from '../../src/contract/events.js';
import { parseLane } from '../../src/contract/ids.js';
import type { Repository } from '../../src/contract/image.js';
import type { PhaseTime } from '../../src/contract/release.js';
import { DIRECT } from '../../src/net/network.js';
import { cloudEventOf } from '../../src/notify/cloud-event.js';
import { DELIVERED_EVENT, eventsSchema } from '../../src/notify/event-schema.js';
import { signatureOf, webhookSink } from '../../src/notify/webhook.js';
import { startSinkServer } from '../../testbed/sink-server.js';
import { repositoryRoot } from '../../testbed/tools.js';
import { alarmed, decided, delivered, entered, foundLive, held, promoted, RUN, rejected } from '../support/events.js';
import { pinned } from '../support/records.js';

const server = await startSinkServer();
afterAll(() => server.stop());
beforeEach(() => {
  server.requests.length = 0;
});

const KEY = Buffer.alloc(32, 7);
const IMAGES = ['ghcr.io/acme/platform', 'ghcr.io/acme/platform-tenant'];
const context = { lane: parseLane('eu'), namespace: 'prod', images: IMAGES };
const sinkOf = (types: DeliveredEvent['type'][] | null = null, secrets = [KEY]) =>
  webhookSink({ url: () => `${server.url}/hook?token=hush`, secrets: () => secrets }, types, DIRECT, context);
const rolledBack = delivered(6, { type: 'rolled-back', outcome: 'rolled-back', why: 'it burns' });
const interrupted = delivered(7, { type: 'interrupted', tenants: ['canary-1'], why: 'restarted' });
const moved = delivered(8, { type: 'moved', kind: 'promotion', result: 'promoted' });
const watched = delivered(9, { type: 'production-watched', outcome: 'followed', why: 'all of it' });
const ALL = [
  entered(1, 'soaking'),
  held(2),
  decided(3),
  promoted(4),
  rejected(5),
  rolledBack,
  interrupted,
  alarmed(8),
  watched,
  foundLive(10),
];

describe('a delivery to the webhook', () => {
  test('is a CloudEvent of the event, signed as Standard Webhooks says', async () => {
    await sinkOf().deliver(held(2));
    const [request] = server.requests;
    expect(request).toMatchObject({
      method: 'POST',
      path: '/hook?token=hush',
      headers: { 'content-type': 'application/cloudevents+json', 'webhook-id': `${RUN}-2` },
    });
    expect(JSON.parse(request?.body ?? '')).toEqual({
      specversion: '1.0',
      id: `${RUN}-2`,
      source: '/canary-release-gate/prod/eu',
      type: 'canary-release-gate.held',
      time: '2026-11-29T06:00:02.000Z',
      subject: '4c1d56e',
      datacontenttype: 'application/json',
      data: held(2),
    });
    const { 'webhook-timestamp': timestamp, 'webhook-signature': signature } = request?.headers ?? {};
    expect(Math.abs(Number(timestamp) - Date.now() / 1000)).toBeLessThan(60);
    const signed = createHmac('sha256', KEY).update(`${RUN}-2.${timestamp}.${request?.body}`).digest('base64');
    expect(signature).toBe(`v1,${signed}`);
  });

  test('has the signature of the example in the specification of Standard Webhooks', () => {
    const secrets = parseWebhookSecrets('whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw');
    const at = 1_614_265_330_000;
    expect(signatureOf({ id: 'msg_p5jXN8AQM9LWM0D4loKWxJek' }, '{"test": 2432232314}', secrets, at)).toMatchObject({
      'webhook-timestamp': '1614265330',
      'webhook-signature': 'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=',
    });
  });

  test('is signed by both secrets while they change', async () => {
    await sinkOf(null, [KEY, Buffer.alloc(32, 8)]).deliver(alarmed(1));
    expect(server.requests[0]?.headers['webhook-signature']).toMatch(/^v1,\S{44} v1,\S{44}$/);
  });

  test.each([
    [promoted(4), 'dev.cdevents.service.upgraded.0.2.0'],
    [rolledBack, 'dev.cdevents.service.rolledback.0.2.0'],
  ])('of a move is a CDEvent', (event, type) => {
    expect(cloudEventOf(event, context)).toMatchObject({
      type,
      data: {
        context: { version: '0.4.1', id: event.id, source: '/canary-release-gate/prod/eu', type, timestamp: event.at },
        subject: {
          type: 'service',
          content: {
            environment: { id: 'production' },
            artifactId: 'pkg:oci/platform?repository_url=ghcr.io%2Facme%2Fplatform&tag=staging-4c1d56e',
          },
        },
        customData: { event },
      },
    });
  });

  test('of a move names no artifact of an image that was kept', () => {
    const event = { ...promoted(4), kept: [IMAGES[0]] } as DeliveredEvent;
    const artifactId = 'pkg:oci/platform-tenant?repository_url=ghcr.io%2Facme%2Fplatform-tenant&tag=staging-4c1d56e';
    expect(DELIVERED_EVENT.safeParse(event)).toMatchObject({ success: true });
    expect(cloudEventOf(event, context)).toMatchObject({
      data: { subject: { content: { artifactId } }, customData: { artifactIds: [artifactId] } },
    });
  });

  test.each([
    [foundLive(4), 'canary-release-gate.promoted'],
    [{ ...rolledBack, outcome: 'already', moved: false } as DeliveredEvent, 'canary-release-gate.rolled-back'],
  ])('of a run that moved nothing is no CDEvent', (event, type) => {
    expect(cloudEventOf(event, context)).toMatchObject({ type, data: event });
  });

  test('is made for the types that CANARY_WEBHOOK_EVENTS names alone', () => {
    expect(ALL.filter((event) => sinkOf(['held', 'alarm']).takes(event)).map(({ type }) => type)).toEqual([
      'held',
      'alarm',
    ]);
    expect(ALL.every((event) => sinkOf().takes(event))).toBe(true);
  });
});

describe('the end of a run', () => {
  const phase = { phase: 'promoting', since: '2026-11-29T06:00:00.000Z', until: null, ms: 0, visits: 1 } as const;
  test.each<[string, PhaseTime[], object]>([
    ['promoted', [{ ...phase, phase: 'queued' }], { moved: false }],
    ['promoted', [phase], {}],
    ['rolled-back', [phase], {}],
    ['already', [phase], { moved: false }],
    ['superseded', [], {}],
  ])('%s tells whether its build was live before', (outcome, phases, moved) => {
    const { type, ...facts } = endEvent(outcome, 'why', { phases, images: pinned });
    expect(facts).toEqual({ outcome, why: 'why', phases, ...moved });
  });

  const [own, optional] = pinned.map((image, index) => ({
    ...image,
    ...(index === 1 && { unchanged: true as const }),
  }));
  test.each<[string, object]>([
    ['promoted', { kept: [optional?.repository, 'ghcr.io/acme/added'] }],
    ['CanaryRejected', {}],
  ])('%s names the images that are on another build', (outcome, kept) => {
    const images = [own, optional].filter((image) => image !== undefined);
    const facts = endEvent(outcome, '', { phases: [phase], images, notMoved: ['ghcr.io/acme/added' as Repository] });
    expect(facts).toEqual({ ...facts, ...kept });
    expect('kept' in facts).toBe('kept' in kept);
  });
});

describe('docs/events.schema.json', () => {
  test('is generated from the events (npx vitest run test/notify/webhook.test.ts -u)', async () => {
    await expect(`${JSON.stringify(eventsSchema(), null, 2)}\n`).toMatchFileSnapshot('../../docs/events.schema.json');
  });

  test('is in the package', () => {
    const { files } = JSON.parse(readFileSync(join(repositoryRoot, 'package.json'), 'utf8'));
    expect(files).toContain('docs/events.schema.json');
  });

  test.each([...ALL, moved].map((event) => [event.type, event] as const))('accepts %s', (_type, event) => {
    expect(DELIVERED_EVENT.safeParse(event)).toMatchObject({ success: true });
    expect(DELIVERED_EVENT.safeParse({ ...event, surplus: 1 })).toMatchObject({ success: false });
  });
});

test.each(['', 'secret', 'whsec_c2hvcnQ=', 'whsec_***', `${'whsec_'}${KEY.toString('base64')} other`])(
  'the secret %j signs nothing',
  (given) => {
    expect(() => parseWebhookSecrets(given)).toThrow(/^must be whsec_ and 24 bytes or more in base64$/);
  },
);
