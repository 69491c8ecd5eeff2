import { describe, expect, test } from 'vitest';
import { withCopy } from '../../activities/lane/ledger-copy.js';
import type { Tag } from '../../src/contract/image.js';
import type { LaneState } from '../../src/contract/lane.js';
import { adopt, applyCommand } from '../../src/lane/commands.js';
import { markOf } from '../../src/lane/ledger.js';
import { knowsLess, parseLaneState } from '../../src/lane/payloads/state.js';
import { beginRollback } from '../../src/lane/rollback.js';
import { emptyLane } from '../../src/lane/state.js';
import { laneView } from '../../src/lane/view.js';
import { ATTRIBUTION, laneAt, NOON, promote, run, shaOf, tagsOf } from '../lane/lane-support.js';

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
    expect(state.ledger).toMatchObject({ hold: { name: 'not-recovered' }, lost: { upTo: null, unread: true } });
    adopt(state, tagsOf('a'), shaOf('a'), ATTRIBUTION, NOON + 1_000);
    expect(laneView(state, NOON).alarms).toEqual([expect.stringContaining('canary lane renew')]);
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

  test('goes on without it once there is none any more', () => {
    const state = stateOf(withCopy(stateOf(withCopy(emptyLane(), unread)), none));
    expect(state.ledger.lost).toEqual({ seen: 0, upTo: null });
    expect(state.ledger.hold?.why).toContain('there is no copy');
  });
});
