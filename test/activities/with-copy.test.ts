import { describe, expect, test } from 'vitest';
import { readAgain, withCopy } from '../../activities/lane/ledger-copy.js';
import type { Tag } from '../../src/contract/image.js';
import type { LaneState } from '../../src/contract/lane.js';
import { adopt, applyCommand } from '../../src/lane/commands.js';
import { defaultRollbackTarget, markOf } from '../../src/lane/ledger.js';
import { authorizeMove, reportMove } from '../../src/lane/moves.js';
import { knowsLess, parseLaneState } from '../../src/lane/payloads/state.js';
import { enqueue, grant } from '../../src/lane/queue.js';
import { beginRollback } from '../../src/lane/rollback.js';
import { emptyLane } from '../../src/lane/state.js';
import { laneView } from '../../src/lane/view.js';
import { ATTRIBUTION, done, laneAt, NOON, promote, question, run, shaOf, tagsOf } from '../lane/lane-support.js';

const PROBLEM = 'registry.example/platform:canary-ledger: GET …: HTTP 503';
const none = { copy: null, problems: [], isAnswered: true };
const unread = { copy: null, problems: [PROBLEM], isAnswered: false };

/** What the copy has: b was rolled back from. */
function found() {
  const state = laneAt('a');
  promote(state, 'b', 'a', NOON);
  beginRollback(state, { ...run('a', { runId: 'back' }), force: false, ...ATTRIBUTION }, NOON);
  state.ledger.hold = null;
  return {
    copy: { generation: NOON, ledger: state.ledger, tag: 'latest' as Tag, isSigned: true },
    problems: [] as string[],
    isAnswered: true,
  };
}
/** What a copy of a lane has. */
const copyOf = ({ ledger }: LaneState, generation = NOON) => ({
  ...found(),
  copy: { ...found().copy, ledger, generation },
});
/** Rolls back, by force, to a build. */
function rollBack(state: LaneState, letter: string, now: number) {
  const order = { kind: 'rollback', mover: `back-${now}`, parent: `back-${now}` } as const;
  beginRollback(state, { ...run(letter, { runId: order.parent }), force: true, ...ATTRIBUTION }, now);
  const asked = question(letter, letter, order);
  expect(authorizeMove(state, asked, now)).toEqual({ decision: 'allow' });
  reportMove(state, { ...asked, images: done(asked) }, now);
  state.rollback = null;
}
/** Promotes a build as a person who forces it. */
function promoteByHand(state: LaneState, letter: string, latest: string, now: number) {
  enqueue(state, run(letter, { manual: true, promoteOnly: true, force: true }));
  grant(state, now);
  const asked = question(letter, latest, { manual: true, force: true, accepted: true });
  expect(authorizeMove(state, asked, now)).toEqual({ decision: 'allow' });
  reportMove(state, { ...asked, images: done(asked) }, now);
  state.holder = null;
}
const stateOf = (state: LaneState | null): LaneState => parseLaneState(state) ?? expect.unreachable('it is a state');
const sequence = (state: LaneState) => applyCommand(state, 'sequence', { ...ATTRIBUTION, sequence: 0 }, NOON);
const builds = ({ ledger }: LaneState) => ledger.history.map(({ sha }) => sha);

describe('what a lane begins with', () => {
  test('is nothing on the first day', () => {
    expect(withCopy(null, none)).toBeNull();
  });

  test('is the copy, on hold', () => {
    const state = stateOf(withCopy(null, found()));
    expect(markOf(state.ledger, shaOf('b'))).toBeDefined();
    expect(state.ledger.lost).toEqual({ seen: state.ledger.seen, upTo: null });
  });

  test.each<[string, LaneState | null, Parameters<typeof withCopy>[1]]>([
    ['that did not answer', null, unread],
    ['whose copy does not count', null, { ...unread, isAnswered: true }],
    ['that did not answer, while Temporal has a part', laneAt('a'), unread],
    ['of which one repository did not answer', null, { ...found(), problems: [PROBLEM], isAnswered: false }],
  ])('without all copies of a registry %s is on hold, says so, and takes no sequence', (_what, kept, copies) => {
    const state = stateOf(withCopy(kept, copies));
    expect(state.ledger).toMatchObject({
      hold: { name: 'not-recovered' },
      lost: { upTo: null, unread: { why: PROBLEM, merged: copies.copy?.generation ?? 0 } },
    });
    adopt(state, tagsOf('a'), shaOf('a'), ATTRIBUTION, NOON + 1_000);
    // The reason of the hold is gone with it.
    const alarm = expect.stringMatching(
      /was not read: registry.example\/\S+ GET …: HTTP 503 \(fix: that, then canary lane renew/,
    );
    expect(laneView(state, NOON).alarms).toEqual([alarm]);
    expect(sequence(state)).toEqual({ refused: expect.stringContaining('canary lane renew') });
  });
});

describe('a lane that could not read its copy', () => {
  test('knows it once it is read, with what came since', () => {
    const began = stateOf(withCopy(null, unread));
    adopt(began, tagsOf('a'), shaOf('a'), ATTRIBUTION, NOON + 1_000);
    adopt(began, tagsOf('d'), shaOf('d'), ATTRIBUTION, NOON + 2_000);
    const state = stateOf(withCopy(structuredClone(began), found()));
    expect(builds(state)).toEqual([shaOf('a'), shaOf('b'), shaOf('a'), shaOf('d')]);
    expect(markOf(state.ledger, shaOf('b'))).toBeDefined();
    expect(state.ledger).toMatchObject({
      hold: { name: 'not-recovered', why: expect.stringContaining('the rest is from its copy') },
      newestPromoted: { sha: shaOf('d') },
      expectedLatest: { at: NOON + 2_000 },
    });
    expect(state.ledger.lost).toEqual({ seen: state.ledger.seen, upTo: null });
    expect(knowsLess(state, began)).toBe(false);
    expect(sequence(state)).toHaveProperty('answer');
  });

  test('keeps what a person said since: a pause, a quarantine, and the hold of a rollback', () => {
    const began = stateOf(withCopy(null, unread));
    adopt(began, tagsOf('a'), shaOf('a'), ATTRIBUTION, NOON + 1_000);
    applyCommand(began, 'pause', ATTRIBUTION, NOON);
    const until = new Date(NOON + 3_600_000).toISOString();
    applyCommand(began, 'quarantine', { ...ATTRIBUTION, tenant: 'canary-2', until }, NOON);
    beginRollback(began, { ...run('a', { runId: 'since' }), force: true, ...ATTRIBUTION }, NOON + 2_000);
    expect(stateOf(withCopy(began, found())).ledger).toMatchObject({
      hold: { name: 'after-rollback' },
      pause: { by: 'ada' },
      quarantines: [{ tenant: 'canary-2' }],
    });
  });

  /** Lane that could not read the copy of one that promoted a, b and c. */
  function withoutThree() {
    const [before, began] = [laneAt('a'), stateOf(withCopy(null, unread))];
    for (const [at, letter] of ['b', 'c'].entries()) promote(before, letter, 'a', NOON + at);
    adopt(began, tagsOf('c'), shaOf('c'), ATTRIBUTION, NOON + 1_000);
    return { before, began };
  }
  const marks = ({ ledger }: LaneState) => ledger.knownBad.map(({ sha }) => sha);

  test('marks what a rollback since has left, also builds that the copy alone knows', () => {
    const { before, began } = withoutThree();
    rollBack(began, 'a', NOON + 2_000);
    expect(marks(began)).toEqual([shaOf('c')]);
    const { ledger } = stateOf(withCopy(began, copyOf(before)));
    expect(marks({ ...began, ledger })).toEqual([shaOf('b'), shaOf('c')]);
    expect(defaultRollbackTarget(ledger)).toBeNull();
  });

  test('marks what a rollback leaves that is still under way', () => {
    const { before, began } = withoutThree();
    beginRollback(began, { ...run('a'), force: true, ...ATTRIBUTION }, NOON + 2_000);
    expect(marks(stateOf(withCopy(began, copyOf(before)))).toSorted()).toEqual([shaOf('b'), shaOf('c')]);
  });

  test.each(['rollback', 'promotion'])('has no mark from before a forced %s to that build', (kind) => {
    const began = stateOf(withCopy(null, unread));
    adopt(began, tagsOf('a'), shaOf('a'), ATTRIBUTION, NOON + 1_000);
    if (kind === 'rollback') rollBack(began, 'b', NOON + 2_000);
    else promoteByHand(began, 'b', 'a', NOON + 2_000);
    expect(markOf(found().copy.ledger, shaOf('b'))).toBeDefined();
    const state = stateOf(withCopy(began, found()));
    expect([builds(state).at(-1), marks(state)]).toEqual([shaOf('b'), kind === 'rollback' ? [shaOf('a')] : []]);
  });

  test('keeps off a mark that it made itself, and a person took off', () => {
    const { before, began } = withoutThree();
    rollBack(began, 'a', NOON + 2_000);
    applyCommand(began, 'unbad', { ...ATTRIBUTION, sha: shaOf('c') }, NOON + 3_000);
    expect(marks(stateOf(withCopy(began, copyOf(before))))).toEqual([shaOf('b')]);
  });

  describe('but that of one of its images', () => {
    const partial = { problems: [PROBLEM], isAnswered: false };
    const renewed = (state: LaneState, copies: Parameters<typeof withCopy>[1]) =>
      stateOf(readAgain(structuredClone(state), copies));
    const say = (state: LaneState, command: string, more = {}) =>
      expect(applyCommand(state, command, { ...ATTRIBUTION, ...more }, NOON + 2_000)).toHaveProperty('answer');
    /** The copy, of a lane that was paused, and on hold after its rollback. */
    function paused() {
      const { copy } = found();
      say({ ...emptyLane(), ledger: copy.ledger }, 'pause');
      copy.ledger.hold = { name: 'after-rollback', why: 'x', by: 'ada', since: new Date(NOON).toISOString() };
      return { ...found(), copy };
    }

    test('keeps what people took back since, once all are read', () => {
      const began = stateOf(withCopy(null, { ...paused(), ...partial }));
      for (const command of ['unhold', 'resume']) say(began, command);
      say(began, 'unbad', { sha: shaOf('b') });
      const state = renewed(began, paused());
      expect(state.ledger).toMatchObject({ hold: null, pause: null, knownBad: [], lost: { upTo: null } });
      expect(state.ledger.lost).not.toHaveProperty('unread');
      expect(builds(state)).toEqual(builds(began));
      expect(sequence(state)).toHaveProperty('answer');
    });

    test('has only its marks if Temporal kept more than that copy', () => {
      const kept = laneAt('a');
      promote(kept, 'b', 'a', NOON);
      promote(kept, 'd', 'b', NOON + 1_000);
      const began = stateOf(withCopy(kept, unread));
      adopt(began, tagsOf('d'), shaOf('d'), ATTRIBUTION, NOON + 2_000);
      const state = renewed(began, paused());
      expect(state.ledger).toMatchObject({
        pause: null,
        hold: { name: 'not-recovered' },
        knownBad: [{ sha: shaOf('b') }],
      });
      expect(state.ledger.history).toEqual(began.ledger.history);
    });

    test('knows a newer one as soon as that is read, and waits for the others on', () => {
      const newer = { ...laneAt('a'), ...{ ledger: found().copy.ledger } };
      rollBack(newer, 'a', NOON + 500);
      const began = stateOf(withCopy(null, { ...found(), ...partial }));
      adopt(began, tagsOf('e'), shaOf('e'), ATTRIBUTION, NOON + 1_000);
      const state = renewed(began, { ...copyOf(newer, NOON + 500), ...partial });
      expect(builds(state)).toEqual(['a', 'b', 'a', 'e'].map(shaOf));
      expect(state.ledger.lost?.unread).toEqual({ why: PROBLEM, merged: NOON + 500 });
      // The older one again, which it knows.
      expect(renewed(state, { ...found(), ...partial })).toEqual(state);
    });

    test('says what is wrong now, and is put on hold no more', () => {
      const began = stateOf(withCopy(null, unread));
      adopt(began, tagsOf('a'), shaOf('a'), ATTRIBUTION, NOON + 1_000);
      const { ledger } = renewed(began, { copy: null, problems: ['HTTP 403'], isAnswered: false });
      const { lost } = began.ledger;
      expect(ledger).toEqual({ ...began.ledger, lost: { ...lost, unread: { why: 'HTTP 403', merged: 0 } } });
    });
  });

  test('goes on without it once a person gives it up, who is named', () => {
    const state = stateOf(withCopy(null, { ...unread, isAnswered: true }));
    const sent = { ...ATTRIBUTION, images: tagsOf('a'), sha: shaOf('a') };
    expect(applyCommand(state, 'adopt', sent, NOON)).not.toHaveProperty('answer', expect.stringContaining('given up'));
    expect(sequence(state)).toHaveProperty('refused');
    const answer = expect.stringMatching(/^adopted: .*; the copy of the ledger .* is given up, .*canary lane sequence/);
    expect(applyCommand(state, 'adopt', { ...sent, withoutCopy: true }, NOON + 1_000)).toEqual({ answer });
    expect(state.ledger).toMatchObject({ hold: null, lost: { seen: 0, upTo: null } });
    expect(state.ledger.history.at(-1)).toMatchObject({
      by: 'ada',
      reason: 'without the copy of the ledger: looked at it',
    });
    expect(sequence(state)).toHaveProperty('answer');
    // There is no copy to give up any more.
    expect(applyCommand(state, 'adopt', { ...sent, withoutCopy: true }, NOON + 2_000)).toEqual({
      answer: expect.not.stringContaining('given up'),
    });
  });

  test('goes on without it once there is no copy any more', () => {
    const state = stateOf(withCopy(stateOf(withCopy(emptyLane(), unread)), none));
    expect(state.ledger.lost).toEqual({ seen: 0, upTo: null });
    expect(state.ledger.hold?.why).toContain('there is no copy');
  });
});
