import { afterAll, beforeEach, describe, expect, test } from 'vitest';
import type { DeliveredEvent } from '../../src/contract/events.js';
import { parseLane } from '../../src/contract/ids.js';
import { DIRECT } from '../../src/net/network.js';
import { noticeOf, type Severity } from '../../src/notify/notice.js';
import { SinkError } from '../../src/notify/sink.js';
import { slackSink } from '../../src/notify/slack.js';
import { type SinkAnswer, startSinkServer } from '../../testbed/sink-server.js';
import { alarmed, decided, delivered, entered, foundLive, held, promoted, RUN, rejected } from '../support/events.js';

const server = await startSinkServer();
afterAll(() => server.stop());
beforeEach(() => {
  server.requests.length = 0;
  server.answer = () => ({ status: 200, body: 'ok' });
});

const SECRET = '/services/T000/B000/hush-hush';
const context = (lane = '') => ({
  lane: parseLane(lane),
  namespace: 'prod',
  ui: 'https://temporal.example.com/',
  repository: null,
});
const sink = (least: Severity = 'info', lane = '') =>
  slackSink(() => `${server.url}${SECRET}`, least, DIRECT, context(lane));
const rolledBack = delivered(5, { type: 'rolled-back', outcome: 'rolled-back', why: 'it burns' });
const reminder = { ...held(2), type: 'reminder', id: `${RUN}-2-half` } as DeliveredEvent;
const expired = delivered(6, { type: 'ended', outcome: 'CanaryHoldExpired', why: 'approval: no person decided' });
const message = () => JSON.parse(server.requests.at(-1)?.body ?? 'null');

describe('a message to Slack', () => {
  test('of a hold says what, why, until when, the exact commands, and where the run is', async () => {
    await sink().deliver(held(2));
    expect(server.requests).toMatchObject([{ method: 'POST', path: SECRET }]);
    expect(message()).toEqual({
      text: 'HELD 4c1d56e: approval, decide by 2026-12-02 06:00 UTC',
      unfurl_links: false,
      blocks: [
        {
          type: 'section',
          text: {
            type: 'mrkdwn',
            text: '*HELD 4c1d56e: approval, decide by 2026-12-02 06:00 UTC*\nCANARY_APPROVAL is required\nExpires at 2026-12-02 06:00 UTC, without promoting.',
          },
        },
        {
          type: 'section',
          text: {
            type: 'mrkdwn',
            text: 'promote: `canary approve 4c1d56e --hold h1-abc123 --reason "…"`\nend it, without promoting: `canary abort 4c1d56e --reason "…"`',
          },
        },
        {
          type: 'context',
          elements: [
            {
              type: 'mrkdwn',
              text: `<https://temporal.example.com/namespaces/prod/workflows/canary-release-4c1d56e/${RUN}|Run in Temporal>`,
            },
          ],
        },
      ],
    });
  });

  test.each<[DeliveredEvent, string]>([
    [held(2, null), 'HELD 4c1d56e: approval'],
    [reminder, 'STILL HELD 4c1d56e: approval, decide by 2026-12-02 06:00 UTC'],
    [rejected(3), 'RED 4c1d56e: rejected by canary, :latest did not move'],
    [promoted(4), 'PROMOTED 4c1d56e: :latest of its images is on it'],
    [foundLive(4), 'ALREADY LIVE 4c1d56e: nothing moved'],
    [
      { ...rolledBack, outcome: 'already', moved: false } as DeliveredEvent,
      'ALREADY BACK on 4c1d56e: nothing moved, promotions wait for a person',
    ],
    [rolledBack, 'ROLLED BACK to 4c1d56e: promotions wait for a person'],
    [expired, 'ENDED 4c1d56e: CanaryHoldExpired'],
    [alarmed(7), 'ALARM move-split 4c1d56e: A move left the images on two builds.'],
  ])('begins with what a phone shows', async (event, title) => {
    await sink().deliver(event);
    expect(message().text).toBe(title);
    expect(title.length).toBeLessThanOrEqual(80);
  });

  test('names the gate of several, also in its commands', () => {
    expect(noticeOf(held(2), context('gates.payments'))).toMatchObject({
      title: '[payments] HELD 4c1d56e: approval, decide by 2026-12-02 06:00 UTC',
      steps: [
        { command: 'CANARY_LANE=gates.payments canary approve 4c1d56e --hold h1-abc123 --reason "…"' },
        { command: 'CANARY_LANE=gates.payments canary abort 4c1d56e --reason "…"' },
      ],
    });
  });

  test('offers the decisions that apply, and no others', () => {
    const hold = { ...held(2), hold: 'canary-not-updated' } as DeliveredEvent;
    expect(noticeOf(hold, context())?.steps.map(({ command }) => command.split(' ')[1])).toEqual(['retry', 'abort']);
    const paused = { ...held(2, null), hold: 'paused', holdId: 'paused' } as DeliveredEvent;
    expect(noticeOf(paused, context())?.steps[0]?.command).toBe('canary resume --reason "…"');
  });

  test.each([
    ['https://temporal.example.com/100%', 'https://temporal.example.com/100%'],
    ['https://temporal.example.com/a%20b%7Cc', 'https://temporal.example.com/a%20b%7Cc'],
    ['https://temporal.example.com/a|b> <!channel>', 'https://temporal.example.com/a%7Cb%3E%20%3C!channel%3E'],
  ])('links to a UI at %s', async (ui, linked) => {
    await slackSink(() => `${server.url}${SECRET}`, 'info', DIRECT, { ...context(), ui }).deliver(rejected(3));
    expect(message().blocks.at(-1).elements[0].text).toBe(
      `<${linked}/namespaces/prod/workflows/canary-release-4c1d56e/${RUN}|Run in Temporal>`,
    );
  });

  test('contains no markup and calls no one, whatever a tenant answered', async () => {
    await sink().deliver(rejected(3));
    expect(JSON.stringify(message())).not.toContain('<!');
    expect(message().blocks[0].text.text).toContain('&lt;!channel&gt;');
  });

  test('contains no address, whatever a person wrote', async () => {
    await sink().deliver({
      ...rolledBack,
      why: 'https://acme.tenants.example/login?token=hush burns',
    } as DeliveredEvent);
    expect(message().blocks[0].text.text).toContain('(address) burns');
    expect(JSON.stringify(message())).not.toMatch(/tenants\.example|hush/);
  });
});

describe('the severity of Slack', () => {
  const all = [
    held(1),
    reminder,
    rejected(3),
    promoted(4),
    rolledBack,
    expired,
    alarmed(7),
    decided(8),
    entered(9, 'soaking'),
  ];
  test.each<[Severity, string[]]>([
    ['info', ['held', 'reminder', 'rejected', 'promoted', 'rolled-back', 'ended', 'alarm']],
    ['warning', ['held', 'reminder', 'rejected', 'rolled-back', 'ended', 'alarm']],
    ['critical', ['rejected', 'alarm']],
  ])('%s takes what matters that much', (least, types) => {
    expect(all.filter((event) => sink(least).takes(event)).map(({ type }) => type)).toEqual(types);
  });
});

describe('a delivery to Slack that fails', () => {
  const failure = async () =>
    (await sink()
      .deliver(promoted(4))
      .then(() => null)
      .catch((error: unknown) => error)) as SinkError;

  test.each<[string, SinkAnswer, Partial<SinkError>]>([
    ['down', { status: 503 }, { message: 'slack: answered 503', isFinal: false }],
    ['too many', { status: 429, headers: { 'retry-after': '30' } }, { isFinal: false, retryAfterMs: 30_000 }],
    ['refused', { status: 400, body: 'invalid_blocks' }, { message: 'slack: answered 400', isFinal: true }],
    ['a webhook that is gone, until its file is changed', { status: 404, body: 'no_service' }, { isFinal: false }],
  ])('%s', async (_what, answer, expected) => {
    server.answer = () => answer;
    expect(await failure()).toMatchObject(expected);
  });

  test('names no part of the address, which is a secret', async () => {
    server.answer = () => null;
    const error = await failure();
    expect(error).toBeInstanceOf(SinkError);
    expect(error.message).toMatch(/^slack: no answer \(\w+\)$/);
    expect(`${error.stack} ${String(error.cause)}`).not.toMatch(/hush|127\.0\.0\.1/);
  });
});
