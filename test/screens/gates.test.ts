import { expect, test } from 'vitest';
import { gateLines } from '../../src/cli/print/gates.js';
import type { Holder } from '../../src/contract/lane.js';
import { laneView } from '../../src/lane/view.js';
import { laneAt, NOON, shaOf } from '../lane/lane-support.js';

const holder: Holder = {
  workflowId: 'canary-release-payments-eeeeeee',
  runId: 'r',
  sha: shaOf('e'),
  fencingToken: 1,
  since: '2026-11-25T12:00:00.000Z',
};
/** The line of a gate whose runs cannot be listed. */
function lineOf(given: Holder | null) {
  const lane = { ...laneView(laneAt('a'), NOON), holder: given };
  const gates = [{ gate: 'payments', lane, running: [], paused: [] }];
  const unlisted = 'no answer within 1.5 s';
  return gateLines({ gates, paused: [], late: [], unlisted, workers: ['1@host'], clocks: [] })[2];
}

test('a gate whose runs cannot be listed is held, or runs, as its lane knows', () => {
  expect(lineOf({ ...holder, heldFor: { hold: 'approval', preemptibleAt: NOON } })).toContain(
    `HELD     payments  ${holder.workflowId}: approval; live ${shaOf('a')}`,
  );
  expect(lineOf(holder)).toContain(`running  payments  ${holder.workflowId}; live ${shaOf('a')}`);
  expect(lineOf(null)).toContain(`idle     payments  live ${shaOf('a')}`);
});
