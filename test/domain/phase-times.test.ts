import { expect, test } from 'vitest';
import type { PhaseTime } from '../../src/contract/release.js';
import { enterPhase, leavePhase } from '../../src/domain/phase-times.js';

const at = (second: number) => new Date(Date.UTC(2026, 10, 25, 5, 0, second)).toISOString();

/** Goes through phases, each entered at its second, and ends at the last one. */
function walk(steps: [second: number, next: Pick<PhaseTime, 'phase' | 'hold'>][], end: number): PhaseTime[] {
  let [times, began] = [[] as PhaseTime[], at(0)];
  for (const [second, next] of steps) {
    times = enterPhase(times, began, at(second), next);
    began = at(second);
  }
  return leavePhase(times, began, at(end));
}

test('the visits of a phase are one row with all their time, and its first and last moment', () => {
  expect(
    walk(
      [
        [0, { phase: 'soaking' }],
        [5, { phase: 'awaiting-canary' }],
        [7, { phase: 'soaking' }],
      ],
      10,
    ),
  ).toEqual([
    { phase: 'soaking', since: at(0), until: at(10), ms: 8_000, visits: 2 },
    { phase: 'awaiting-canary', since: at(5), until: at(7), ms: 2_000, visits: 1 },
  ]);
});

test('going on in a phase is no new visit, a hold of another name is another row, and the end is none', () => {
  const times = walk(
    [
      [0, { phase: 'resolving' }],
      [1, { phase: 'resolving' }],
      [2, { phase: 'held', hold: 'registry-down' }],
      [4, { phase: 'held', hold: 'could-not-test' }],
      [5, { phase: 'done' }],
    ],
    9,
  );
  expect(times.map(({ phase, hold, ms, visits }) => [phase, hold, ms, visits])).toEqual([
    ['resolving', undefined, 2_000, 1],
    ['held', 'registry-down', 2_000, 1],
    ['held', 'could-not-test', 1_000, 1],
  ]);
});
