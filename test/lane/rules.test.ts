import { describe, expect, test } from 'vitest';
import type { LaneState } from '../../src/contract/lane.js';
import type { PinnedImage } from '../../src/contract/release.js';
import { drop } from '../../src/lane/commands.js';
import { isAdopted, keyOf, markOf, record } from '../../src/lane/ledger.js';
import { MAX_QUEUE } from '../../src/lane/limits.js';
import { authorizeMove, reportMove } from '../../src/lane/moves.js';
import { parseHolderReport } from '../../src/lane/payloads/parse.js';
import { positionOf } from '../../src/lane/position.js';
import { enqueue, grant, preempt, resultOf } from '../../src/lane/queue.js';
import { beginRollback, digestsOfMove, floorEvidence } from '../../src/lane/rollback.js';
import { setSequence } from '../../src/lane/sequence.js';
import { emptyLane, MAX_KEPT } from '../../src/lane/state.js';
import { openAlarms } from '../../src/lane/view.js';
import { ATTRIBUTION, done, laneAt, NOON, question, run, shaOf, tagsOf } from './lane-support.js';

// Rules that a mutation run found held by tests with a server alone (docs/proof.md).

/** A lane whose holder is held, and a newer build waits. */
function held(hold: string): LaneState {
  const state = laneAt('0');
  enqueue(state, run('a', { sequence: 1 }));
  grant(state, NOON);
  if (state.holder) state.holder.heldFor = { hold, preemptibleAt: NOON + 60_000 };
  enqueue(state, run('b', { sequence: 2 }));
  return state;
}

describe('a holder that is held', () => {
  test('is told which build takes the lane, once its grace is over', () => {
    const state = held('approval');
    expect(preempt(state, NOON + 59_999)).toBe(false);
    expect(state.holder?.revocation).toBeUndefined();
    preempt(state, NOON + 60_000);
    expect(state.holder?.revocation).toEqual({ superseded: shaOf('b') });
    const refused = { decision: 'deny', refusal: 'not-holder', message: `superseded by ${shaOf('b')}` };
    expect(authorizeMove(state, question('a', '0'), NOON + 60_000)).toEqual(refused);
  });

  test('whose canary tenants are gone counts towards the alarm: each third one in a row raises it', () => {
    const alarms = [1, 2, 3, 4, 5, 6].map((nth) => {
      const state = held('canary-unstable');
      state.ledger.consecutivePreemptions = nth - 1;
      return [preempt(state, NOON + 60_000), state.ledger.consecutivePreemptions];
    });
    expect(alarms).toEqual([
      [false, 1],
      [false, 2],
      [true, 3],
      [false, 4],
      [false, 5],
      [true, 6],
    ]);
  });

  test('raises no more than that alarm, which holds until the next promotion', () => {
    const state = laneAt('0');
    const alarms = [2, 3, 4].map((consecutivePreemptions) => {
      Object.assign(state.ledger, { consecutivePreemptions });
      return openAlarms(state);
    });
    expect(alarms).toEqual([[], ['consecutive-preemptions'], ['consecutive-preemptions']]);
  });

  test.each(['approval', 'a hold of a later version', 'constructor'])('for %s does not count towards it', (hold) => {
    const state = held(hold);
    state.ledger.consecutivePreemptions = 2;
    expect(preempt(state, NOON + 60_000)).toBe(false);
    expect(state.ledger.consecutivePreemptions).toBe(2);
  });

  test('that a person drops frees the lane: the next one acquires it', () => {
    const state = held('approval');
    expect(drop(state, shaOf('a'), ATTRIBUTION)).toBe(`${shaOf('a')} no longer holds the lane`);
    expect(grant(state, NOON)).toBe(true);
    expect(state.holder).toMatchObject({ runId: 'run-b', fencingToken: 2 });
  });

  test('that nothing newer waits behind keeps the lane', () => {
    const state = held('approval');
    state.queue = [];
    expect(preempt(state, NOON + 60_000)).toBe(false);
    expect(state.holder?.revocation).toBeUndefined();
  });
});

const promoted = (state: LaneState, letter: string, minute: number) =>
  record(state.ledger, {
    sha: shaOf(letter),
    at: new Date(NOON + minute * 60_000).toISOString(),
    kind: 'promotion',
    by: 'ada',
    reason: 'x',
    images: tagsOf(letter) as never,
  });

describe('what the ledger knows for the rollback floor of a target', () => {
  const state = laneAt('0');
  for (const [minute, letter] of ['a', 'b', 'c'].entries()) promoted(state, letter, minute + 1);
  enqueue(state, run('d', { sequence: 7 }));
  enqueue(state, run('e', { sequence: 8 }));

  test('are the images of the builds that came after it, the newest first', () => {
    expect(floorEvidence(state.ledger, shaOf('a')).since).toEqual([...tagsOf('c'), ...tagsOf('b')]);
    expect(floorEvidence(state.ledger, shaOf('c')).since).toEqual([]);
    const many = laneAt('0');
    for (let minute = 0; minute < 12; minute += 1) promoted(many, minute % 2 ? 'b' : 'c', minute);
    expect(floorEvidence(many.ledger, shaOf('0')).since).toHaveLength(2 * 10);
  });

  test('is the order of two builds by their promotions', () => {
    const { isAtLeast } = floorEvidence(state.ledger, shaOf('b'));
    expect(['a', 'b', 'c'].map((letter) => isAtLeast(shaOf(letter)))).toEqual([true, true, false]);
  });

  test('is the order by promotions, though a person promoted the older build later', () => {
    const other = laneAt('0');
    for (const letter of ['a', 'b']) keyOf(other.ledger, shaOf(letter));
    for (const [minute, letter] of ['b', 'a'].entries()) promoted(other, letter, minute);
    expect(floorEvidence(other.ledger, shaOf('a')).isAtLeast(shaOf('b'))).toBe(true);
  });

  test('are no floors that the target named too, whatever was adopted before it', () => {
    const named = laneAt('0');
    record(named.ledger, { sha: null, at: 'then', kind: 'adopted', by: 'ada', reason: 'x', images: [] });
    for (const [minute, letter] of ['a', 'b', 'c'].entries()) promoted(named, letter, minute);
    const [target, same, other] = named.ledger.history.slice(-3);
    for (const image of [...(target?.images ?? []), ...(same?.images ?? [])]) image.floor = shaOf('1');
    expect(floorEvidence(named.ledger, shaOf('a')).declared).toEqual([]);
    for (const image of other?.images ?? []) image.floor = shaOf('2');
    expect(floorEvidence(named.ledger, shaOf('a')).declared).toEqual([shaOf('2')]);
  });

  test('is the order of two builds by their sequences, if one of them was never promoted', () => {
    const { isAtLeast } = floorEvidence(state.ledger, shaOf('e'));
    expect([isAtLeast(shaOf('d')), isAtLeast(shaOf('e'))]).toEqual([true, true]);
    expect(floorEvidence(state.ledger, shaOf('d')).isAtLeast(shaOf('e'))).toBe(false);
  });

  test('are the floors that later releases named, however many came since, but not those of the target itself', () => {
    const named = laneAt('0');
    const letters = ['a', 'b', 'c', 'd', 'e', 'f'];
    for (const [minute, letter] of [...letters, ...letters, ...letters].entries()) promoted(named, letter, minute + 1);
    const [oldest, , second] = named.ledger.history.slice(1).filter(({ kind }) => kind === 'promotion');
    for (const image of oldest?.images ?? []) image.floor = shaOf('1');
    for (const image of second?.images ?? []) image.floor = shaOf('2');
    expect(floorEvidence(named.ledger, shaOf('0')).declared).toEqual([shaOf('1'), shaOf('2')]);
    expect(floorEvidence(named.ledger, shaOf('a')).declared).toEqual([shaOf('2')]);
  });

  test('is nothing about a build that it has not seen', () => {
    expect(floorEvidence(state.ledger, shaOf('b')).isAtLeast(shaOf('f'))).toBeNull();
    expect(floorEvidence(state.ledger, shaOf('f')).isAtLeast(shaOf('b'))).toBeNull();
  });
});

test.each([undefined, null, 'soon', Number.NaN, -1])(
  'a report of a hold with preemptibleAt %s, which is no time, is invalid',
  (preemptibleAt) => {
    const report = (heldFor: object) => parseHolderReport({ runId: 'b0ae7a5e-8a1f-4f36-9a3c-3f5a2f1d9c11', heldFor });
    expect(report({ hold: 'approval', preemptibleAt: NOON })).toMatchObject({ heldFor: { preemptibleAt: NOON } });
    expect(report({ hold: 'approval', preemptibleAt })).toBeNull();
  },
);

test('an older build that was promoted by force is the one that later builds are compared with', () => {
  const state = laneAt('0');
  for (const letter of ['a', 'b', 'c']) keyOf(state.ledger, shaOf(letter));
  promoted(state, 'c', 1);
  promoted(state, 'a', 2);
  const request = run('b', { runId: 'again' });
  enqueue(state, request);
  grant(state, NOON);
  expect(resultOf(state, request)).toMatchObject({ fencingToken: 1 });
});

test('a :latest counts as adopted if it moved since a run read it and is where the adoption left it', () => {
  const seen = tagsOf('a').map(({ repository, digest }) => ({ repository, latest: digest })) as PinnedImage[];
  expect(isAdopted(seen, tagsOf('b'), tagsOf('b'))).toBe(true);
  // Moved, and not adopted; adopted, and not moved.
  expect(isAdopted(seen, tagsOf('b'), tagsOf('a'))).toBe(false);
  expect(isAdopted(seen, tagsOf('a'), tagsOf('a'))).toBe(false);
});

const back = (letter: string, more: object = {}) => ({
  workflowId: `rollback-${shaOf(letter)}`,
  runId: `rollback-${letter}`,
  sha: shaOf(letter),
  force: false,
  by: 'ada',
  reason: 'red',
  ...more,
});

describe('a rollback', () => {
  test('marks the builds after its target, and no other', () => {
    const state = laneAt('0');
    for (const [minute, letter] of ['a', 'b', 'c', 'd'].entries()) promoted(state, letter, minute + 1);
    expect(beginRollback(state, back('b'), NOON)).toBeNull();
    expect(['0', 'a', 'b', 'c', 'd'].filter((letter) => markOf(state.ledger, shaOf(letter)))).toEqual(['c', 'd']);
  });

  test('marks each build with its own digests, in the order of their promotions', () => {
    const state = laneAt('0');
    // A record lists the keys that are numbers first.
    for (const [minute, letter] of ['a', 'b', '1', 'c'].entries()) promoted(state, letter, minute + 1);
    const [untagged] = state.ledger.history.at(-1)?.images ?? [];
    if (untagged) untagged.digest = null;
    state.move = { moverRunId: 'm', parent: { workflowId: 'w', runId: 'r' }, kind: 'promotion', sha: shaOf('d') };
    beginRollback(state, back('a'), NOON);
    const digests = (letter: string) => tagsOf(letter).map(({ digest }) => digest);
    expect(state.ledger.knownBad.map((one) => [one.sha, one.digests])).toEqual([
      [shaOf('b'), digests('b')],
      [shaOf('1'), digests('1')],
      [shaOf('c'), digests('c').slice(1)],
      [shaOf('d'), []],
    ]);
  });

  test('that is forced in a lane that knows nothing marks nothing', () => {
    const state = emptyLane();
    expect(beginRollback(state, back('a', { force: true }), NOON)).toBeNull();
    expect(state.ledger.knownBad).toEqual([]);
    expect(digestsOfMove(state, shaOf('a'))).toBeNull();
  });

  test('is forgotten after a hundred others', () => {
    const state = laneAt('0');
    for (let nth = 1; nth <= MAX_KEPT + 1; nth += 1) beginRollback(state, back('0', { runId: `back-${nth}` }), NOON);
    expect(state.requestedRollbacks).toHaveLength(MAX_KEPT);
    expect(state.requestedRollbacks.at(-1)).toBe(`back-${MAX_KEPT + 1}`);
  });

  test('that is forced takes the mark off its target alone', () => {
    const state = laneAt('0');
    for (const [minute, letter] of ['a', 'b', 'c'].entries()) promoted(state, letter, minute + 1);
    beginRollback(state, back('a'), NOON);
    beginRollback(state, back('c', { force: true }), NOON);
    expect(['b', 'c'].map((letter) => markOf(state.ledger, shaOf(letter)) !== undefined)).toEqual([true, false]);
  });

  test('learns that another one superseded it, which does not', () => {
    const state = laneAt('0');
    for (const [minute, letter] of ['a', 'b', 'c'].entries()) promoted(state, letter, minute + 1);
    for (const letter of ['b', 'a']) beginRollback(state, back(letter), NOON);
    const isSuperseded = (runId: string) => positionOf(state, { runId }).isSupersededRollback;
    expect(['rollback-b', 'rollback-a', 'never-asked'].map(isSuperseded)).toEqual([true, false, false]);
  });

  test('that has ended meanwhile does not displace one that runs', () => {
    const state = laneAt('0');
    for (const [minute, letter] of ['a', 'b', 'c'].entries()) promoted(state, letter, minute + 1);
    beginRollback(state, back('b'), NOON, false);
    expect(state.rollback?.sha).toBe(shaOf('b'));
    beginRollback(state, back('a'), NOON, false);
    expect(state.rollback?.sha).toBe(shaOf('b'));
  });
});

describe('what a rollback leaves', () => {
  test('is the live build, also if a person promoted an older one by hand: neither it nor one in between comes back', () => {
    const state = laneAt('0');
    for (const [sequence, letter] of ['a', 'b', 'c'].entries()) {
      enqueue(state, run(letter, { sequence }));
      promoted(state, letter, sequence);
    }
    promoted(state, 'a', 5);
    expect(state.ledger.newestPromoted?.sha).toBe(shaOf('a'));
    beginRollback(state, back('c'), NOON);
    expect(state.ledger.knownBad.map(({ sha }) => sha)).toEqual([shaOf('a')]);
    record(state.ledger, { ...ATTRIBUTION, sha: shaOf('c'), at: 'then', kind: 'rollback', images: [] });
    expect(state.ledger.newestPromoted?.sha).toBe(shaOf('c'));
  });

  test('is also a build that a forced rollback had moved to without a promotion, with its content, and not one that was there before the target', () => {
    const state = laneAt('0');
    promoted(state, 'a', 1);
    const rolledTo = (letter: string) =>
      record(state.ledger, {
        ...ATTRIBUTION,
        sha: shaOf(letter),
        at: 'then',
        kind: 'rollback',
        images: tagsOf(letter) as never,
      });
    rolledTo('e');
    promoted(state, 'b', 2);
    // From b, past e, which no promotion put there.
    beginRollback(state, { ...back('a'), force: true }, NOON);
    const marked = () => state.ledger.knownBad.map(({ sha }) => sha).toSorted();
    expect(marked()).toEqual([shaOf('b'), shaOf('e')]);
    expect(state.ledger.knownBad.find(({ sha }) => sha === shaOf('e'))?.digests).toEqual(
      tagsOf('e').map(({ digest }) => digest),
    );
    rolledTo('a');
    // A person forces what was gone back from: a was live before it.
    beginRollback(state, { ...back('e'), runId: 'forward', force: true }, NOON);
    rolledTo('e');
    expect(marked()).toEqual([shaOf('a'), shaOf('b')]);
    // And back again.
    beginRollback(state, { ...back('a'), runId: 'again', force: true }, NOON);
    expect(marked()).toEqual([shaOf('b'), shaOf('e')]);
  });

  /** A lane on which build b is being moved by its forced promotion, while a rollback to a begins. */
  function revoked() {
    const state = laneAt('0');
    promoted(state, 'a', 1);
    state.ledger.expectedLatest = { images: tagsOf('a'), at: NOON };
    enqueue(state, run('b', { manual: true, promoteOnly: true, force: true }));
    grant(state, NOON);
    const asked = question('b', 'a', { manual: true, force: true });
    expect(authorizeMove(state, asked, NOON)).toEqual({ decision: 'allow' });
    // The second image is the same in both builds.
    asked.input.images[1] = { ...asked.input.images[1], to: tagsOf('a')[1]?.digest } as never;
    beginRollback(state, back('a'), NOON);
    expect(state.ledger.knownBad).toMatchObject([{ sha: shaOf('b'), digests: [] }]);
    reportMove(state, { ...asked, images: done(asked) }, NOON + 1_000);
    return state;
  }

  test('stays known-bad when its forced promotion reports late, by its sha and by what it brought', () => {
    const state = revoked();
    expect(state.ledger.history.at(-1)).toMatchObject({ kind: 'promotion', sha: shaOf('b') });
    expect(state.ledger.knownBad).toMatchObject([{ sha: shaOf('b'), digests: [tagsOf('b')[0]?.digest] }]);
  });

  test('is refused as a target under another sha too, before anything is announced', () => {
    const state = revoked();
    promoted(state, 'd', 3);
    const before = structuredClone(state);
    const request = { ...back('d'), images: tagsOf('b') };
    expect(beginRollback(state, request, NOON)).toMatchObject({ refusal: 'needs-force' });
    expect(state).toEqual(before);
    expect(beginRollback(state, { ...request, force: true }, NOON)).toBeNull();
  });

  test('may be gone back to once a person has forced the rollback that was announced', () => {
    const state = revoked();
    promoted(state, 'd', 3);
    const request = { ...back('d'), runId: 'forced-later' };
    expect(beginRollback(state, request, NOON)).toBeNull();
    const asked = question('d', 'b', { kind: 'rollback', parent: 'forced-later' });
    asked.input.images[0] = { ...asked.input.images[0], to: tagsOf('b')[0]?.digest } as never;
    expect(authorizeMove(state, asked, NOON + 60_000)).toMatchObject({ refusal: 'needs-force' });
    expect(beginRollback(state, { ...request, force: true }, NOON)).toBeNull();
    expect(authorizeMove(state, asked, NOON + 60_000)).toEqual({ decision: 'allow' });
  });
});

test('a queue full of manual requests takes no other one, and one that is not manual', () => {
  const state = laneAt('0');
  const manual = (index: number) => run('a', { manual: true, promoteOnly: true, runId: `run-${index}` });
  enqueue(state, run('c'));
  let taken = 0;
  while (taken < 1_000 && enqueue(state, manual(taken))) taken += 1;
  expect(taken).toBe(MAX_QUEUE);
  expect(state.queue).toHaveLength(taken + 1);
  expect(enqueue(state, run('b'))).toBe(true);
  expect(enqueue(state, run('b'))).toBe(false);
});

test('a lower newest sequence names the builds that counted beyond it, and the newest promoted one counts for it too', () => {
  const state = laneAt('0');
  enqueue(state, run('a', { sequence: 5 }));
  enqueue(state, run('b', { sequence: 90 }));
  state.ledger.newestPromoted = { sha: shaOf('b'), key: { sequence: 90, seen: 2 } };
  expect(setSequence(state.ledger, 5)).toBe(`the newest sequence is 5, it was 90; it now counts for ${shaOf('b')}`);
  expect(state.ledger.newestPromoted.key.sequence).toBe(5);
  expect(setSequence(state.ledger, 6)).toBe('the newest sequence is 6, it was 5');
});
