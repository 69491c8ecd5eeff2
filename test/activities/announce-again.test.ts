import { expect, test } from 'vitest';
import { laneAuthorizer } from '../../activities/move-authorizer.js';
import type { MoveInput } from '../../src/contract/move.js';
import { parseSha } from '../../src/contract/sha.js';
import { LaneRefused } from '../../src/temporal/lane-client.js';

const sha = parseSha('4c1d56e');
const parent = { workflowId: 'rollback-4c1d56e', runId: 'of-ada' };
const mover = { workflowId: 'move-latest', runId: 'm', activityId: '1', attempt: 1, clock: Date.now };

const described = { status: { name: 'RUNNING' }, raw: { pendingActivities: [{ activityId: '1', attempt: 1 }] } };
const client = {
  withDeadline: (_at: number, ask: () => unknown) => ask(),
  workflow: { getHandle: () => ({ describe: async () => described }) },
} as never;
const input: MoveInput = {
  kind: 'rollback',
  sha,
  images: [],
  by: 'verified: ada@example.com',
  claimedBy: 'ada',
  reason: 'it burns',
  laneUnavailable: true,
};

test('a mover that announces its rollback does so by the name that was claimed, not by the verified identity', async () => {
  const sent: object[] = [];
  const lane = {
    async update(_update: unknown, request: object) {
      sent.push(request);
      return { decision: 'allow' };
    },
  };
  const authorizer = laneAuthorizer(client, lane as never, 0)(mover, parent, input);
  expect(await authorizer.authorize({ begun: false, latest: [] })).toBe('granted');
  expect(sent[0]).toEqual({ ...parent, sha, by: 'ada', reason: 'it burns', force: false });
});

test('a lane that is back, and refuses the rollback, ends the move: it is no failed write, which is sent again', async () => {
  const lane = { update: () => Promise.reject(new LaneRefused('a newer rollback is under way', 'not-announced')) };
  const authorizer = laneAuthorizer(client, lane as never, 0)(mover, parent, input);
  const asked = authorizer.authorize({ begun: true, latest: [] });
  await expect(asked).rejects.toMatchObject({ name: 'MoveRefusal', refusal: 'not-announced' });
});

test('a lane that does not tell where a move stands is silent, as one that grants no lease is', async () => {
  const lane = { position: () => Promise.reject(new Error('unavailable')) };
  const authorizer = laneAuthorizer(client, lane as never, 0)(mover, parent, {
    ...input,
    kind: 'promotion',
    laneUnavailable: false,
  });
  await expect(authorizer.movedWithin(1)).rejects.toMatchObject({ name: 'MoveRefusal', refusal: 'lane-unavailable' });
});
