import { describe, expect, test } from 'vitest';
import { check } from '../../chaos/checker/check.js';
import type { Evidence, Run, RunEvent } from '../../chaos/checker/evidence.js';
import {
  A,
  at,
  B,
  C,
  event,
  GOOD,
  latestOf,
  leases,
  more,
  mover,
  rulesOf,
  run,
  SOAKED,
  scheduled,
  writes,
} from './forged.js';

// Who named a build: a person by a request, a person by a decision on a hold, or the operator's policy.
const [LANE, RELEASE, MOVER] = GOOD.runs as [Run, Run, Run];

describe('a rollback without a person', () => {
  const RED = [scheduled(29, 'alarm production-red'), scheduled(29.1, 'chooseRollback')];
  /** The policy goes back to A, from a build that its watch found red. */
  const policy = (from: string, events: readonly RunEvent[] = RED, other: Partial<Evidence> = {}) =>
    more({
      runs: [
        ...GOOD.runs,
        run('WatchProduction', 'watch', 22, 40, { input: { sha: from }, events }),
        run('Rollback', 'back', 30, 34, { input: { sha: A, onlyFrom: from }, parentRunId: 'run of watch' }),
        mover(A, 31, 33, 'back', 'rollback'),
      ],
      writes: [...GOOD.writes, ...writes(32, A)],
      announced: [{ at: at(30.5), runId: 'run of back' }],
      latest: latestOf(A),
      autoRollback: true,
      ...other,
    });
  const EARLY = [scheduled(24, 'alarm production-red'), scheduled(24.1, 'chooseRollback')];
  const hand = (seconds: number, to = C) => ({
    writes: [...GOOD.writes, ...writes(seconds, to, 'person'), ...writes(32, A)],
  });
  /** Builds A and B in turns: a person promotes B, or canary does, and the policy takes it back. */
  const inTurns = (count: number, ...commands: RunEvent[]): Evidence => {
    const times = Array.from({ length: count }, (_, index) => 30 + index * 20);
    const watch = (from: number) =>
      run('WatchProduction', `watch ${from}`, from - 8, from + 8, {
        input: { sha: B },
        events: [scheduled(from - 1, 'alarm production-red'), scheduled(from - 0.9, 'chooseRollback')],
      });
    const back = (from: number) => [
      watch(from),
      run('Rollback', `back ${from}`, from, from + 4, {
        input: { sha: A, onlyFrom: B },
        parentRunId: `run of watch ${from}`,
      }),
      mover(A, from + 1, from + 3, `back ${from}`, 'rollback'),
    ];
    const again = (from: number) => [
      run('CanaryRelease', `again ${from}`, from, from + 4, { input: { sha: B, promoteOnly: true, force: true } }),
      mover(B, from + 1, from + 3, `again ${from}`),
    ];
    return more({
      runs: [
        { ...LANE, events: [...LANE.events, ...commands] },
        RELEASE,
        MOVER,
        ...times.flatMap((from) => [...back(from), ...again(from + 10)]),
      ],
      writes: [...GOOD.writes, ...times.flatMap((from) => [...writes(from + 2, A), ...writes(from + 12, B)])],
      grants: [...GOOD.grants, ...times.flatMap((from) => leases([from + 1.5, from + 1], [from + 11.5, from + 11]))],
      announced: times.map((from) => ({ at: at(from + 0.5), runId: `run of back ${from}` })),
      autoRollback: true,
    });
  };

  test.each<[string, Evidence]>([
    ['from a build that is not live', policy(C)],
    ['from a build that no watch found red', policy(B, [])],
    ['before its watch found the build red', policy(B, [scheduled(33, 'alarm production-red')])],
    ['over what a person moved before the watch looked', policy(B, RED, hand(24))],
    ['over what a person moved before its mover looked', policy(B, EARLY, hand(26))],
    ['although the operator allows none', policy(B, RED, { autoRollback: false })],
    ['for the third time in a row', inTurns(3)],
  ])('is found if it comes %s', (_what, evidence) => {
    expect(rulesOf(evidence)).toContain('I1');
  });

  test.each<[string, Evidence]>([
    ['from the live build, which its watch found red', policy(B)],
    ['over what a person moved after its mover had looked', policy(B, RED, hand(29.5))],
    ['where a person had moved :latest to its very target', policy(B, EARLY, hand(26, A))],
    ['over what a person moved while reads may lag', policy(B, RED, hand(27))],
    ['twice in a row', inTurns(2)],
    ['for the third time, after a person adopted in between', inTurns(3, event(63, 'adopt'))],
  ])('is accepted if it comes %s', (_what, evidence) => {
    expect(check(evidence)).toEqual([]);
  });
});

describe('a request of a person', () => {
  const named = (type: 'Rollback' | 'CanaryRelease', asked: Evidence['asked'], events: RunEvent[] = []) =>
    more({
      runs: [
        ...GOOD.runs,
        run(type, 'c', 30, 34, { input: { sha: C, ...(type === 'CanaryRelease' && { promoteOnly: true }) }, events }),
        mover(C, 31, 33, 'c', type === 'Rollback' ? 'rollback' : 'promotion'),
      ],
      writes: [...GOOD.writes, ...writes(32, C)],
      announced: type === 'Rollback' ? [{ at: at(30.5), runId: 'run of c' }] : [],
      latest: latestOf(C),
      asked,
    });
  const request = (type: 'Rollback' | 'CanaryRelease', sha: string, seconds: number) => [
    { at: at(seconds), type, sha },
  ];

  test.each<[string, Evidence]>([
    ['a rollback that no one asked for', named('Rollback', [])],
    ['a rollback to another build than was asked for', named('Rollback', request('Rollback', A, 30))],
    ['a promotion without a test that no one asked for', named('CanaryRelease', [])],
    ['a rollback whose request came after it', named('Rollback', request('Rollback', C, 33))],
  ])('is missed in %s', (_what, evidence) => {
    expect(rulesOf(evidence)).toContain('I1');
  });

  test.each<[string, Evidence]>([
    ['a rollback', named('Rollback', request('Rollback', C, 30))],
    ['a rollback whose server was down for a while', named('Rollback', request('Rollback', C, 5))],
    ['a rollback that a person forced while it ran', named('Rollback', [], [event(30.2, 'force')])],
    ['a promotion without a test', named('CanaryRelease', request('CanaryRelease', C, 30))],
  ])('is known of %s', (_what, evidence) => {
    expect(check(evidence)).toEqual([]);
  });
});

describe('a decision', () => {
  /** The release of B is held after its smoke. */
  const held = (...events: RunEvent[]) => more({ runs: [LANE, { ...RELEASE, events: [...SOAKED, ...events] }, MOVER] });
  const hold = (seconds: number, id: string) => ({ ...scheduled(seconds, 'held'), hold: id });
  const decision = (seconds: number, name: string, id: string, type?: string) => ({
    ...event(seconds, name, type),
    hold: id,
  });
  const moved = writes(6, C, 'person');
  const over = (evidence: Evidence) => ({
    ...evidence,
    writes: [...writes(0, A, 'person'), ...moved, ...writes(21, B)],
  });

  test.each<[string, Evidence]>([
    ['is missed on a hold that no one answered', held(hold(19, 'h1'))],
    ['of the hold before does not count', held(hold(18.5, 'h1'), decision(18.6, 'approve', 'h1'), hold(19, 'h2'))],
    [
      'that names the hold before does not count',
      held(hold(18.5, 'h1'), hold(19, 'h2'), decision(19.5, 'approve', 'h1')),
    ],
    [
      'that names the hold before allows no move over a hand',
      over(held(hold(18.5, 'h1'), decision(18.6, 'retry', 'h1'), hold(19, 'h2'), decision(19.5, 'approve', 'h1'))),
    ],
    [
      'by a signal that names the hold before does not count',
      held(
        hold(18.5, 'h1'),
        hold(19, 'h2'),
        decision(19.5, 'approve', 'h1', 'WorkflowExecutionSignaled'),
        scheduled(19.5, 'decided approve'),
      ),
    ],
  ])('%s', (_what, evidence) => {
    expect(rulesOf(evidence)).toContain('I1');
  });

  test.each<[string, Evidence]>([
    ['on the hold', held(hold(19, 'h1'), decision(19.5, 'approve', 'h1'))],
    ['on the hold over what a person moved', over(held(hold(19, 'h1'), decision(19.5, 'approve', 'h1')))],
    ['without the id of the hold', held(hold(19, 'h1'), event(19.5, 'approve'))],
    [
      'on each of two holds',
      held(hold(18.5, 'h1'), decision(18.6, 'approve', 'h1'), hold(19, 'h2'), decision(19.5, 'retry', 'h2')),
    ],
    ['on no hold in a pause, which ends without one', held(hold(19, 'paused'))],
    [
      'by a signal that the release took',
      held(
        hold(19, 'h1'),
        decision(19.5, 'approve', 'h1', 'WorkflowExecutionSignaled'),
        scheduled(19.5, 'decided approve'),
      ),
    ],
    [
      'on the hold after one on the hold before was refused',
      held(
        hold(18.5, 'h1'),
        decision(18.6, 'approve', 'h1'),
        hold(19, 'h2'),
        { ...decision(19.2, 'approve', 'h1'), isRefused: true },
        decision(19.5, 'approve', 'h2'),
      ),
    ],
  ])('is accepted %s', (_what, evidence) => {
    expect(check(evidence)).toEqual([]);
  });
});
