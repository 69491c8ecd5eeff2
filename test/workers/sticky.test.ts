import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { ANNOUNCE_MS } from '../../activities/lane/calls.js';
import { STICKY_MS, UPDATE_TIMEOUT_MS } from '../../src/temporal/lane-client.js';

/** Longest replay of a lane on a loaded machine, in milliseconds. */
const REPLAY_MS = 2_500;

test('a lane whose worker has just died answers within the time in which a rollback is announced', () => {
  // An automatic rollback that gets no answer is refused for good, and a person's goes on without the lane.
  for (const limit of [ANNOUNCE_MS, UPDATE_TIMEOUT_MS]) expect(STICKY_MS + REPLAY_MS).toBeLessThan(limit);
  // Every worker has this time-out, whatever it serves.
  const options = readFileSync('workers/create-worker.ts', 'utf8').match(/stickyQueueScheduleToStartTimeout: .*/g);
  expect(options).toEqual(['stickyQueueScheduleToStartTimeout: STICKY_MS,']);
});
