import { randomBytes, randomUUID } from 'node:crypto';
import { Client } from '@temporalio/client';
import { afterAll, expect, test } from 'vitest';
import type { DeliveredEvent } from '../../src/contract/events.js';
import {
  deliverEventsId,
  moveLatestId,
  releaseId,
  releaseLaneId,
  taskQueue,
  WORKFLOWS,
} from '../../src/contract/ids.js';
import { deliverEventSignal } from '../../src/contract/messages.js';
import { parseSha } from '../../src/contract/sha.js';
import { payloadCodec } from '../../src/temporal/payloads/codec.js';
import { parsePayloadKeys } from '../../src/temporal/payloads/keys.js';
import { startGitHub } from '../../testbed/github-server.js';
import { startSinkServer } from '../../testbed/sink-server.js';
import { canary } from '../support/cli.js';
import { useGate } from '../support/gate.js';
import { newSha } from '../support/shas.js';
import { until } from '../support/until.js';

const SHA = newSha();
const [chat, github] = await Promise.all([
  startSinkServer(),
  startGitHub({ repository: 'acme/platform', token: 'hush', commits: [SHA] }),
]);
afterAll(() => Promise.all([chat.stop(), github.stop()]));

const gate = useGate('replay-lost', () => ({
  env: {
    CANARY_SLACK_WEBHOOK: `${chat.url}/slack`,
    CANARY_WEBHOOK_URL: `${chat.url}/events`,
    CANARY_GITHUB_REPO: 'acme/platform',
    CANARY_GITHUB_TOKEN: 'hush',
    GITHUB_API_URL: github.url,
    CANARY_WEBHOOK_SECRET: `whsec_${Buffer.alloc(32, 7).toString('base64')}`,
  },
}));
const run = (...args: string[]) => canary(args, { ...gate().env, CANARY_LANE: gate().lane });
const advice = async () => (await run('status')).err.filter((line) => line.includes('did not get'));

/** Orders the delivery of an event, to Slack alone if no other sink is named, as `publish` does. */
async function order(
  event: Partial<DeliveredEvent>,
  sinks = ['slack'],
  { lane, client }: Pick<ReturnType<typeof gate>, 'lane' | 'client'> = gate(),
): Promise<void> {
  const full = { id: `${randomUUID()}-1`, at: new Date().toISOString(), why: 'for the test', ...event };
  await client.workflow.signalWithStart(WORKFLOWS.deliver, {
    workflowId: deliverEventsId(lane),
    taskQueue: taskQueue(lane),
    signal: deliverEventSignal,
    signalArgs: [{ event: full as DeliveredEvent, sinks, reminded: [] }],
  });
}

test('the advised replay sends alarms of a mover and of the lane, once and no hold that is over, beside a worker', async () => {
  chat.answer = () => ({ status: 410 });
  const sha = newSha();
  const { lane } = gate();
  await order({ type: 'alarm', alarm: 'move-split', workflow: 'MoveLatest', workflowId: moveLatestId(lane), sha });
  const workflowId = releaseId(lane, parseSha(sha));
  await order({
    type: 'held',
    hold: 'approval',
    holdId: 'h1',
    until: null,
    workflow: 'CanaryRelease',
    workflowId,
    sha,
  });
  await until('they were refused', () => chat.requests.length === 2);
  await order({ type: 'alarm', alarm: 'pair-split', workflow: 'ReleaseLane', workflowId: releaseLaneId(lane) });
  await until('status tells of all', async () => (await advice()).join().includes('3 events'));
  expect(await advice()).toEqual([
    'canary: slack did not get 3 events of the last day, last alarm: slack: answered 410 (canary events --replay --to slack)',
  ]);

  expect(await run('events', '--replay')).toMatchObject({ code: 2, err: [expect.stringContaining('sha is missing')] });
  chat.answer = ({ body }) => ({ status: body.includes('pair-split') ? 503 : 200 });
  chat.requests.length = 0;
  const replay = () => run('events', '--replay', '--to', 'slack');
  expect(await replay()).toMatchObject({
    code: 4,
    err: ['canary: alarm was not taken: slack: answered 503', 'canary: sent 1 event to slack, left out 1 that is over'],
  });
  chat.answer = () => ({ status: 200, body: 'ok' });
  expect(await replay()).toMatchObject({ code: 0, err: ['canary: sent 1 event to slack'] });
  expect(await replay()).toMatchObject({ code: 0, out: [], err: ['canary: sent 0 events to slack'] });
  expect(await advice()).toEqual([]);
  expect(chat.taken.map(({ body }) => /ALARM ([a-z-]+)/.exec(body)?.[1])).toEqual(['move-split', 'pair-split']);
});

test('an event that a sink refuses for good holds up no other one, and is noted if the sink takes another', async () => {
  const { lane } = gate();
  const alarm = (why: string) =>
    order({ type: 'alarm', alarm: 'pair-split', why, workflow: 'ReleaseLane', workflowId: releaseLaneId(lane) });
  chat.answer = () => ({ status: 410 });
  await alarm('the first one');
  await alarm('the second one');
  await until('status tells of both', async () => (await advice()).join().includes('2 events'));

  const replay = () => run('events', '--replay', '--to', 'slack');
  const refused = 'canary: alarm was not taken: slack: answered 410';
  // A wrong address refuses all.
  for (let times = 0; times < 2; times += 1)
    expect(await replay()).toMatchObject({ code: 4, err: [refused, refused, 'canary: sent 0 events to slack'] });
  chat.answer = ({ body }) => ({ status: body.includes('the first one') ? 410 : 200 });
  chat.taken.length = 0;
  expect(await replay()).toMatchObject({ code: 4, err: [refused, 'canary: sent 1 event to slack'] });
  expect(chat.taken).toMatchObject([{ body: expect.stringContaining('the second one') }]);
  expect(await replay()).toMatchObject({ code: 0, err: ['canary: sent 0 events to slack'] });
  expect(await advice()).toEqual([]);
});

test('a sink that is down stops no other one', async () => {
  chat.answer = () => ({ status: 410 });
  const workflowId = releaseLaneId(gate().lane);
  await order({ type: 'alarm', alarm: 'pair-split', workflow: 'ReleaseLane', workflowId }, ['slack', 'webhook']);
  await until('status tells of both', async () => (await advice()).length === 2);
  chat.answer = ({ path }) => ({ status: path === '/slack' ? 503 : 200 });
  expect(await run('events', '--replay', '--to', 'slack,webhook')).toMatchObject({
    code: 4,
    err: [
      'canary: alarm was not taken: slack: answered 503',
      'canary: sent 0 events to slack',
      'canary: sent 1 event to webhook',
    ],
  });
  expect(await advice()).toEqual([expect.stringContaining('slack did not get')]);
});

test('what GitHub refuses for want of a right holds up no other event, and is sent once the token has the right', async () => {
  github.refuse = () => ({ status: 403 });
  const at = new Date(Date.now() - 2 * 60 * 60_000).toISOString();
  const workflowId = releaseId(gate().lane, parseSha(SHA));
  const red = { type: 'rejected', outcome: 'CanaryRejected', workflow: 'CanaryRelease', workflowId, sha: SHA } as const;
  await order({ ...red, at }, ['github']);
  const lane = releaseLaneId(gate().lane);
  await order({ type: 'alarm', alarm: 'pair-split', at, workflow: 'ReleaseLane', workflowId: lane }, ['github']);
  await until('status tells of both', async () => (await advice()).join().includes('github did not get 2 events'));

  github.refuse = ({ path }) => (path.includes('/statuses/') ? { status: 403 } : undefined);
  const replay = () => run('events', '--replay', '--to', 'github');
  expect(await replay()).toMatchObject({
    code: 4,
    err: [
      `canary: rejected of ${SHA.slice(0, 7)} was not taken: github: POST /statuses/… answered 403`,
      'canary: sent 1 event to github',
    ],
  });
  github.refuse = () => undefined;
  expect(await replay()).toMatchObject({ code: 0, err: ['canary: sent 1 event to github'] });
  expect(github.statuses).toMatchObject([{ state: 'failure' }]);
  expect(github.issues).toMatchObject([{ comments: [{ body: expect.stringContaining('Alarm: pair-split') }] }]);
});

test('an order that a stranger encrypted, and that the worker dropped, keeps no one from a replay', async () => {
  const { lane, client } = gate();
  const strange = parsePayloadKeys(`strange:${randomBytes(32).toString('base64')}`);
  const payloadCodecs = [payloadCodec(strange, 'throw')];
  const stranger = new Client({ connection: client.connection, dataConverter: { payloadCodecs } });
  const alarm = {
    type: 'alarm',
    alarm: 'pair-split',
    workflow: 'ReleaseLane',
    workflowId: releaseLaneId(lane),
  } as const;
  await order(alarm, ['slack'], { lane, client: stranger });
  chat.answer = () => ({ status: 410 });
  await order(alarm);
  await until('status tells of one', async () => (await advice()).join().includes('slack did not get'));
  chat.answer = () => ({ status: 200 });
  const replay = () => run('events', '--replay', '--to', 'slack');
  expect(await replay()).toMatchObject({ code: 0, err: [expect.stringContaining('to slack')] });
});
