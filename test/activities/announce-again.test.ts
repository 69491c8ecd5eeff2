import { expect, test } from 'vitest';
import { laneAuthorizer } from '../../activities/move-authorizer.js';
import type { MoveInput } from '../../src/contract/move.js';
import { parseSha } from '../../src/contract/sha.js';

const sha = parseSha('4c1d56e');
const parent = { workflowId: 'rollback-4c1d56e', runId: 'of-ada' };
const mover = { workflowId: 'move-latest', runId: 'm', activityId: '1', attempt: 1, clock: Date.now };

test('a mover that announces its rollback does so by the name that was claimed, not by the verified identity', async () => {
  const sent: object[] = [];
  const lane = {
    async update(_update: unknown, request: object) {
      sent.push(request);
      return { decision: 'allow' };
    },
  };
  const described = { status: { name: 'RUNNING' }, raw: { pendingActivities: [{ activityId: '1', attempt: 1 }] } };
  const client = {
    withDeadline: (_at: number, ask: () => unknown) => ask(),
    workflow: { getHandle: () => ({ describe: async () => described }) },
  };
  const input: MoveInput = {
    kind: 'rollback',
    sha,
    images: [],
    by: 'verified: ada@example.com',
    claimedBy: 'ada',
    reason: 'it burns',
    laneUnavailable: true,
  };
  const authorizer = laneAuthorizer(client as never, lane as never, 0)(mover, parent, input);
  expect(await authorizer.authorize({ begun: false, latest: [] })).toBe('granted');
  expect(sent[0]).toEqual({ ...parent, sha, by: 'ada', reason: 'it burns', force: false });
});
