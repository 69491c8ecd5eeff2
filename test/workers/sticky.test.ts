import { readFileSync } from 'node:fs';
import { msToNumber } from '@temporalio/common/lib/time.js';
import { MockActivityEnvironment } from '@temporalio/testing';
import { expect, test } from 'vitest';
import { ANNOUNCE_MS, createLaneActivities } from '../../activities/lane/calls.js';
import { createMoveActivities, REPORT_MS } from '../../activities/move.js';
import { parseSha } from '../../src/contract/sha.js';
import { MOVE_WAITS } from '../../src/move/waits.js';
import {
  LANE_ANSWER_MS,
  LANE_TASK_TIMEOUT,
  REPLAY_MS,
  STICKY_MS,
  UPDATE_TIMEOUT_MS,
} from '../../src/temporal/lane-client.js';
import { newSha } from '../support/shas.js';

test('a lane whose worker has just died answers within the time in which a rollback is announced', () => {
  // An automatic rollback that gets no answer is refused for good, and a person's goes on without the lane.
  for (const limit of [ANNOUNCE_MS, UPDATE_TIMEOUT_MS]) expect(STICKY_MS + REPLAY_MS).toBeLessThan(limit);
  // Every worker has this time-out, whatever it serves.
  const options = readFileSync('workers/create-worker.ts', 'utf8').match(/stickyQueueScheduleToStartTimeout: .*/g);
  expect(options).toEqual(['stickyQueueScheduleToStartTimeout: STICKY_MS,']);
});

test('an automatic rollback waits for a lane whose worker died while it held the task of the lane', async () => {
  // The server gives that task up after its time-out; then another worker replays the lane.
  const answersAt = Date.now() + LANE_TASK_TIMEOUT + REPLAY_MS - 500;
  const lane = {
    state: async () => null,
    update: async () => {
      if (Date.now() < answersAt) throw new Error('no answer in time');
      return 0;
    },
  };
  const { announceRollback } = createLaneActivities({
    lane,
    config: { lane: '', images: [] },
    waits: MOVE_WAITS,
  } as never);
  const sha = parseSha(newSha());
  const request = { sha, force: false, by: 'ada', reason: 'x', images: [], onlyFrom: sha };
  expect(await new MockActivityEnvironment().run(announceRollback, request)).toBe(0);
});

test('the announcement of an automatic rollback has the time for that', () => {
  const [, limit = ''] =
    /BY_POLICY\] = \['15s', '(.*)'\]/.exec(readFileSync('workflows/rollback/announcing.ts', 'utf8')) ?? [];
  expect(LANE_ANSWER_MS).toBeGreaterThanOrEqual(LANE_TASK_TIMEOUT + REPLAY_MS);
  // It looks at `:latest` first, and twice if that seems to be elsewhere.
  expect(msToNumber(limit as '15s')).toBeGreaterThan(MOVE_WAITS.surpriseMs + LANE_ANSWER_MS + UPDATE_TIMEOUT_MS);
});

test('a report of a move waits for as long as the lane may take to look its mover up', async () => {
  const asked: unknown[] = [];
  const lane = { update: async (_update: unknown, _report: unknown, withinMs?: number) => void asked.push(withinMs) };
  const { reportMove } = createMoveActivities({ lane, config: { lane: '' } } as never);
  for (const laneUnavailable of [false, true])
    await new MockActivityEnvironment().run(reportMove, { input: { laneUnavailable } } as never);
  // One that the lane did not hear before is sent as a signal soon.
  expect(asked).toEqual([REPORT_MS, undefined]);
  const lanes = readFileSync('workflows/lane/announced-rollbacks.ts', 'utf8');
  const [, limit = ''] = /'look up the mover of a report', '(.*)'/.exec(lanes) ?? [];
  expect(REPORT_MS).toBeGreaterThan(msToNumber(limit as '15s'));
});
