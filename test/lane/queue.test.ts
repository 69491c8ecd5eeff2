import { describe, expect, test } from 'vitest';
import type { LaneState } from '../../src/contract/lane.js';
import type { TagState } from '../../src/contract/move.js';
import { keyOf } from '../../src/lane/ledger.js';
import { enqueue, grant, inOrder, preempt, preemptedBy, resultOf } from '../../src/lane/queue.js';
import { emptyLane, MAX_BUILDS, MAX_KEPT } from '../../src/lane/state.js';
import { laneAt, NOON, promote, run, shaOf, tagsOf } from './lane-support.js';

describe("the lane's queue", () => {
  test('grants the lane to one release at a time, with a growing fencing token', () => {
    const state = emptyLane();
    enqueue(state, run('a'));
    expect(grant(state, NOON)).toBe(true);
    enqueue(state, run('b'));
    expect(grant(state, NOON)).toBe(false);
    expect(state.holder).toMatchObject({ runId: 'run-a', fencingToken: 1 });
    state.holder = null;
    grant(state, NOON);
    expect(state.holder).toMatchObject({ runId: 'run-b', fencingToken: 2 });
  });

  test('grants the lane to no release while a mover has a write lease', () => {
    const state = laneAt('a');
    state.move = {
      moverRunId: 'm',
      parent: { workflowId: 'x', runId: 'r' },
      kind: 'promotion',
      sha: shaOf('c'),
      leaseGrantedAt: NOON,
    };
    enqueue(state, run('b'));
    expect(grant(state, NOON)).toBe(false);
  });

  test('grants the lane to no release while a rollback is under way: :latest is about to move', () => {
    const state = laneAt('a');
    state.rollback = { workflowId: 'x', runId: 'r', sha: shaOf('a'), force: false };
    enqueue(state, run('b'));
    expect(grant(state, NOON)).toBe(false);
    state.rollback = null;
    expect(grant(state, NOON)).toBe(true);
  });

  test('takes the second request of a run for the first', () => {
    const state = emptyLane();
    enqueue(state, run('a'));
    enqueue(state, run('a'));
    expect(state.queue).toHaveLength(1);
    grant(state, NOON);
    enqueue(state, run('a'));
    expect(state.queue).toHaveLength(0);
  });
});

describe('the waiting releases', () => {
  test('are only the newest: of ten within one soak one runs, one waits, eight are superseded', () => {
    const state = emptyLane();
    const letters = [...'0123456789'];
    enqueue(state, run('0'));
    grant(state, NOON);
    for (const letter of letters.slice(1)) enqueue(state, run(letter));
    expect(state.queue.map(({ runId }) => runId)).toEqual(['run-9']);
    expect(state.answers).toHaveLength(8);
    expect(state.answers[0]).toEqual({ runId: 'run-1', superseded: shaOf('2') });
  });

  test('with a manual one among them keep both, and the manual one goes first', () => {
    const state = emptyLane();
    enqueue(state, run('a'));
    grant(state, NOON);
    enqueue(state, run('b', { manual: true }));
    enqueue(state, run('c'));
    expect(state.queue.map(({ runId }) => runId)).toEqual(['run-b', 'run-c']);
    expect(inOrder(state.queue.toReversed()).map(({ runId }) => runId)).toEqual(['run-b', 'run-c']);
    state.holder = null;
    grant(state, NOON);
    expect(state.holder).toMatchObject({ runId: 'run-b' });
  });

  test('are not superseded by a manual one, nor is a manual one by them', () => {
    const state = laneAt('1');
    keyOf(state.ledger, shaOf('a'));
    enqueue(state, run('c'));
    for (const letter of ['a', 'd']) enqueue(state, run(letter, { manual: true }));
    expect(state.queue.map(({ runId }) => runId)).toEqual(['run-c', 'run-a', 'run-d']);
    expect(state.answers).toEqual([]);
  });
});

describe('a request that joins the queue', () => {
  const invalid = () => {
    const state = laneAt('1');
    state.ledger.highestSequence = 1;
    return state;
  };
  const busy = () => {
    const state = laneAt('1');
    enqueue(state, run('9', { sequence: 5 }));
    return state;
  };
  const knownBad = () => {
    const state = laneAt('1');
    state.ledger.knownBad.push({ sha: shaOf('a'), digests: [], since: 'then', by: 'bob', reason: 'slow' });
    return state;
  };
  const live = () => {
    const state = laneAt('1');
    promote(state, 'a', '1');
    return state;
  };
  // The lane follows up on what has changed only.
  test.each<[string, () => LaneState, Parameters<typeof run>[1], string]>([
    ['waits', () => laneAt('1'), {}, 'waits'],
    ['waits, by hand', () => laneAt('1'), { manual: true }, 'waits'],
    ['is invalid', invalid, { sequence: 101 }, 'invalid'],
    ['is known-bad', knownBad, {}, 'knownBad'],
    ['is live', live, { runId: 'again' }, 'alreadyLive'],
    ['is superseded', busy, { sequence: 4 }, 'superseded'],
  ])('and %s changes the lane, once', (_what, before, more, answer) => {
    const state = before();
    const request = run('a', more);
    expect(enqueue(state, request)).toBe(true);
    expect(Object.keys(resultOf(state, request) ?? { waits: true })).toEqual([answer]);
    const once = structuredClone(state);
    expect(enqueue(state, request)).toBe(false);
    expect(state).toEqual(once);
  });
});

describe('the order of builds', () => {
  test('is fixed at the first request, so a re-run of an old job does not make its build newer', () => {
    const state = emptyLane();
    expect(promote(state, 'a', '1')).not.toEqual({ decision: 'allow' });
    const first = keyOf(state.ledger, shaOf('a'));
    keyOf(state.ledger, shaOf('b'), 7);
    expect(keyOf(state.ledger, shaOf('a'), 99)).toEqual(first);
  });

  test('is by sequence, and by the first request if there is none', () => {
    const state = laneAt('1');
    enqueue(state, run('b', { sequence: 20 }));
    enqueue(state, run('a', { sequence: 10 }));
    expect(state.answers).toEqual([{ runId: 'run-a', superseded: shaOf('b') }]);
    enqueue(state, run('c'));
    expect(state.queue.map(({ runId }) => runId)).toEqual(['run-c']);
  });

  test('supersedes an older build that joins the queue after a newer one was promoted', () => {
    const state = laneAt('1');
    keyOf(state.ledger, shaOf('a'));
    expect(promote(state, 'b', '1')).toEqual({ decision: 'allow' });
    enqueue(state, run('a', { runId: 'again' }));
    expect(state.answers.at(-1)).toEqual({ runId: 'again', superseded: shaOf('b') });
  });

  test('supersedes an older build that waited while a newer one was promoted, when it would acquire the lane', () => {
    const state = laneAt('1');
    keyOf(state.ledger, shaOf('a'));
    enqueue(state, run('b'));
    grant(state, NOON);
    enqueue(state, run('a'));
    const holder = state.holder;
    state.holder = null;
    state.ledger.newestPromoted = { sha: shaOf('b'), key: keyOf(state.ledger, shaOf('b')) };
    expect(holder).toMatchObject({ runId: 'run-b' });
    expect(grant(state, NOON)).toBe(false);
    expect(state.answers.at(-1)).toEqual({ runId: 'run-a', superseded: shaOf('b') });
  });

  test('does not stop a manual request for an older build', () => {
    const state = laneAt('1');
    keyOf(state.ledger, shaOf('a'));
    promote(state, 'b', '1');
    enqueue(state, run('a', { runId: 'forced', manual: true }));
    expect(state.queue.map(({ runId }) => runId)).toEqual(['forced']);
  });
});

describe('a release that is held', () => {
  const held = (hold: string, preemptibleAt: number) => {
    const state = laneAt('1');
    enqueue(state, run('a'));
    grant(state, NOON);
    if (state.holder) state.holder.heldFor = { hold, preemptibleAt };
    return state;
  };

  test('is preempted by a newer build that waits, and only after its grace period', () => {
    const state = held('approval', NOON + 60_000);
    expect(preemptedBy(state, NOON + 61_000)).toBeNull();
    enqueue(state, run('b'));
    expect(preemptedBy(state, NOON + 59_000)).toBeNull();
    expect(preemptedBy(state, NOON + 60_000)).toBe(shaOf('b'));
  });

  test('is preempted once, and not before it is held', () => {
    const state = held('approval', NOON);
    enqueue(state, run('b'));
    preempt(state, NOON);
    enqueue(state, run('c'));
    expect(preemptedBy(state, NOON)).toBeNull();
    expect(state.holder?.revocation).toEqual({ superseded: shaOf('b') });
    const running = laneAt('1');
    expect(preemptedBy(running, NOON)).toBeNull();
    enqueue(running, run('a'));
    grant(running, NOON);
    enqueue(running, run('b'));
    expect(preemptedBy(running, NOON)).toBeNull();
  });

  test.each<[string, [string, boolean][]]>([
    [
      'a build that was asked for, beside an older one',
      [
        ['c', true],
        ['b', false],
      ],
    ],
    [
      'a build that was asked for, beside a newer one',
      [
        ['d', false],
        ['c', true],
      ],
    ],
    [
      'the first build that was asked for',
      [
        ['c', true],
        ['e', true],
      ],
    ],
    ['a newer build behind none that was asked for', [['d', false]]],
  ])('is preempted by the one that gets the lane next: %s', (_, waiting) => {
    const state = laneAt('1');
    enqueue(state, run('b', { sequence: 1 }));
    enqueue(state, run('a', { sequence: 2 }));
    state.queue = state.queue.filter(({ runId }) => runId === 'run-a');
    grant(state, NOON);
    if (state.holder) state.holder.heldFor = { hold: 'could-not-test', preemptibleAt: NOON };
    state.queue = waiting.map(([letter, manual]) => run(letter, manual ? { manual } : {}));
    for (const one of state.queue) keyOf(state.ledger, one.sha, one.sha === shaOf('b') ? 1 : 3);
    const [next] = inOrder(state.queue);
    expect(preemptedBy(state, NOON)).toBe(next?.sha);
    preempt(state, NOON);
    expect(state.holder?.revocation).toEqual({ superseded: next?.sha });
    state.holder = null;
    grant(state, NOON);
    expect(state.holder).toMatchObject({ sha: next?.sha });
  });

  test('is not preempted by an older build', () => {
    const state = laneAt('1');
    keyOf(state.ledger, shaOf('b'));
    enqueue(state, run('a'));
    grant(state, NOON);
    if (state.holder) state.holder.heldFor = { hold: 'could-not-test', preemptibleAt: NOON };
    enqueue(state, run('b'));
    expect(preemptedBy(state, NOON + 1)).toBeNull();
  });
});

test('the answer to a build that was superseded does not name its rejection', () => {
  const state = laneAt('1');
  for (const letter of ['a', 'b']) enqueue(state, run(letter));
  state.ledger.verdicts.push({ sha: shaOf('a'), verdict: 'RED', failed: [], runId: 'red', at: 'then' });
  expect(resultOf(state, run('a'))).toEqual({ superseded: shaOf('b') });
});

describe('a known-bad build', () => {
  test('does not get the lane; the answer says when, by whom and why', () => {
    const state = laneAt('1');
    state.ledger.knownBad.push({
      sha: shaOf('a'),
      digests: [],
      since: '2026-11-25T10:00:00Z',
      by: 'bob',
      reason: 'slow',
    });
    enqueue(state, run('a'));
    expect(state.answers).toEqual([{ runId: 'run-a', knownBad: 'rolled back on 2026-11-25T10:00:00Z by bob: slow' }]);
  });
});

test('the state of a lane stays bounded after thousands of builds', () => {
  const state = laneAt('1');
  for (let build = 0; build < 2_000; build += 1) {
    const sha = build.toString(16).padStart(7, '0');
    enqueue(state, {
      workflowId: `canary-release-${sha}`,
      runId: `run-${build}`,
      sha: sha as ReturnType<typeof shaOf>,
    });
    grant(state, NOON);
    if (build % 3 === 0) state.holder = null;
  }
  expect(state.answers.length).toBeLessThanOrEqual(MAX_KEPT);
  expect(Object.keys(state.ledger.order).length).toBeLessThanOrEqual(2 * MAX_BUILDS);
  expect(JSON.stringify(state).length).toBeLessThan(32 * 1024);
  expect(JSON.parse(JSON.stringify(state))).toEqual(state);
});

describe('a build that was promoted and is still live', () => {
  test('gets no lane; the answer says since when it is live, and by whom', () => {
    const state = laneAt('1');
    promote(state, 'b', '1');
    enqueue(state, run('b', { runId: 'again' }));
    expect(resultOf(state, { runId: 'again' })).toEqual({
      alreadyLive: expect.stringMatching(/^since 2026-.*, by ada$/),
    });
    expect(state.queue).toEqual([]);
  });

  test('gets the lane when it is not live after all, or when the request is manual', () => {
    for (const more of [{ recheck: true }, { manual: true }]) {
      const state = laneAt('1');
      promote(state, 'b', '1');
      if ('recheck' in more) enqueue(state, run('b', { runId: 'again' }));
      const request = run('b', { runId: 'again', ...more });
      enqueue(state, request);
      expect(resultOf(state, request)).toBeNull();
      grant(state, NOON);
      expect(resultOf(state, request)).toMatchObject({ fencingToken: 2 });
    }
  });

  test('gets the lane when it was only adopted, or when :latest is known to have moved', () => {
    const adopted = laneAt('b');
    enqueue(adopted, run('b'));
    expect(resultOf(adopted, run('b'))).toBeNull();
    const moved = laneAt('1');
    promote(moved, 'b', '1');
    moved.ledger.expectedLatest = { images: tagsOf('c') as TagState[], at: NOON };
    enqueue(moved, run('b', { runId: 'again' }));
    expect(resultOf(moved, { runId: 'again' })).toBeNull();
  });

  test('gets the lane when one of its images is known to have moved, or when it is not known where they are', () => {
    const half = [tagsOf('b')[0], tagsOf('c')[1]] as TagState[];
    for (const expectedLatest of [{ images: half, at: NOON }, null]) {
      const state = laneAt('1');
      promote(state, 'b', '1');
      state.ledger.expectedLatest = expectedLatest;
      enqueue(state, run('b', { runId: 'again' }));
      expect(resultOf(state, { runId: 'again' })).toBeNull();
    }
  });

  test('is the newest one of the history', () => {
    const state = laneAt('1');
    for (const [letter, latest] of ['b1', 'cb', 'dc']) promote(state, letter as string, latest as string);
    enqueue(state, run('d', { runId: 'again' }));
    expect(resultOf(state, { runId: 'again' })).toHaveProperty('alreadyLive');
  });
});
