import { describe, expect, test } from 'vitest';
import { parseLane } from '../../src/contract/ids.js';
import type { LaneRequest, LaneState } from '../../src/contract/lane.js';
import type { BuildVerdict } from '../../src/contract/tenants/check.js';
import { unbad } from '../../src/lane/commands.js';
import { laneDetails } from '../../src/lane/details.js';
import { defaultRollbackTarget, rejectionOf } from '../../src/lane/ledger.js';
import { authorizeMove, reportMove } from '../../src/lane/moves.js';
import { parseLaneRequest } from '../../src/lane/payloads/parse.js';
import { enqueue, grant, previewRequest, resultOf } from '../../src/lane/queue.js';
import { beginRollback, previewRollback } from '../../src/lane/rollback.js';
import { liveRejection, noteVerdict, verdictOfReport } from '../../src/lane/verdicts.js';
import { historyOf, laneView, targetsOf } from '../../src/lane/view.js';
import { failed, passed, record } from '../support/records.js';
import { ATTRIBUTION, done, laneAt, NOON, promote, question, run, shaOf } from './lane-support.js';

const at = (minutes: number) => new Date(NOON + minutes * 60_000).toISOString();
const CHECK = 'canary-1: memory search finds the probe';
const red = (letter: string, minutes: number): BuildVerdict => ({
  sha: shaOf(letter),
  verdict: 'RED',
  failed: [CHECK],
  runId: `red-${minutes}`,
  at: at(minutes),
});
const green = (letter: string, minutes: number): BuildVerdict => ({
  ...red(letter, minutes),
  verdict: 'GREEN',
  failed: [],
});
const WHY = `REJECTED BY CANARY on ${at(1)}, run red-1: ${CHECK}`;

/** Lane at build a, on which canary rejected build b. */
function laneWithRejected(): LaneState {
  const state = laneAt('a');
  noteVerdict(state, red('b', 1));
  return state;
}

/** Answer to a release of build b that wants the lane. */
function ask(state: LaneState, more: Partial<LaneRequest>) {
  const request = run('b', { runId: 'again', ...more });
  enqueue(state, request);
  grant(state, NOON);
  return resultOf(state, request);
}

describe('a build that canary rejected', () => {
  const byHand = { manual: true, promoteOnly: true };

  test('is promoted untested only with force, and the run learns of the rejection in both cases', () => {
    expect(ask(laneWithRejected(), byHand)).toEqual({ knownBad: WHY, rejected: red('b', 1) });
    expect(ask(laneWithRejected(), { ...byHand, force: true })).toEqual({ fencingToken: 1, rejected: red('b', 1) });
  });

  test('is refused too if it is rejected while its promotion waits for the lane', () => {
    const state = laneAt('a');
    enqueue(state, run('b', { runId: 'again', ...byHand }));
    noteVerdict(state, red('b', 1));
    expect(grant(state, NOON)).toBe(false);
    expect(resultOf(state, { runId: 'again' })).toEqual({ knownBad: WHY });
  });

  test('is tested again by a release, whose mover gets the lease', () => {
    const state = laneWithRejected();
    expect(ask(state, {})).toMatchObject({ fencingToken: 1, rejected: { runId: 'red-1' } });
    expect(authorizeMove(state, question('b', 'a', { parent: 'again' }), NOON)).toEqual({ decision: 'allow' });
  });

  test('is no longer known-bad after a GREEN verdict, and known-bad again after a later RED one', () => {
    const state = laneWithRejected();
    noteVerdict(state, green('b', 2));
    expect(ask(state, byHand)).toEqual({ fencingToken: 1 });
    noteVerdict(state, red('b', 3));
    expect(rejectionOf(state.ledger, shaOf('b'))?.runId).toBe('red-3');
    // A verdict that arrives late does not replace a later one.
    noteVerdict(state, green('b', 2));
    expect(rejectionOf(state.ledger, shaOf('b'))?.runId).toBe('red-3');
    expect(state.ledger.verdicts).toHaveLength(1);
  });

  test('is a target of a rollback only with force, and never the default one', () => {
    const state = laneAt('a');
    promote(state, 'b', 'a');
    promote(state, 'c', 'b');
    noteVerdict(state, red('b', 1));
    const request = { ...run('b', { runId: 'back' }), ...ATTRIBUTION, force: false };
    expect(defaultRollbackTarget(state.ledger)).toBe(shaOf('a'));
    expect(targetsOf(state.ledger).map(({ bad }) => bad)).toEqual([null, WHY, null]);
    expect(previewRollback(state, request, NOON).refused).toBe(`${shaOf('b')} was ${WHY}`);
    expect(beginRollback(state, request, NOON)).toEqual({
      refused: `${shaOf('b')} was ${WHY}`,
      refusal: 'needs-force',
    });
    expect(beginRollback(state, { ...request, force: true }, NOON)).toBeNull();
    // A rollback moves the build, and takes no verdict back.
    expect(rejectionOf(state.ledger, shaOf('b'))).toBeDefined();
  });

  test('is marked too when it is rolled back from, and the mark outlives a GREEN verdict', () => {
    const state = laneAt('a');
    promote(state, 'b', 'a');
    noteVerdict(state, red('b', 1));
    beginRollback(state, { ...run('a', { runId: 'back' }), ...ATTRIBUTION, force: false }, NOON);
    state.rollback = null;
    noteVerdict(state, green('b', 2));
    expect(ask(state, {})).toEqual({ knownBad: expect.stringMatching(/^rolled back on .* by ada/) });
    expect(unbad(state, shaOf('b'))).toBe(`${shaOf('b')} is no longer marked known-bad`);
  });

  test('stays rejected after unbad, which says so', () => {
    const state = laneWithRejected();
    expect(unbad(state, shaOf('b'))).toBe(
      `${shaOf('b')} was not marked known-bad, and canary rejected it: canary release tests it again`,
    );
    expect(rejectionOf(state.ledger, shaOf('b'))).toBeDefined();
  });

  test('is named in a dry run: what would be refused, and what force overrides', () => {
    const { ledger } = laneWithRejected();
    const request = { sha: shaOf('b'), promoteOnly: true };
    expect(previewRequest(ledger, request)).toEqual({ refused: `was ${WHY}`, forced: null });
    expect(previewRequest(ledger, { ...request, force: true })).toEqual({ refused: null, forced: `was ${WHY}` });
    expect(previewRequest(ledger, { sha: shaOf('b') })).toEqual({ refused: null, forced: null });
  });

  test('is listed with run and checks in the history, and in the Temporal UI', () => {
    const state = laneWithRejected();
    noteVerdict(state, green('a', 1));
    expect(historyOf(state.ledger, 5).rejected).toEqual([red('b', 1)]);
    expect(laneDetails(state, NOON, parseLane(''))).toMatch(
      /`bbbbbbb` rejected by canary on 2026-11-25 12:01:00 UTC: canary-1: memory/,
    );
  });
});

describe('a build that was rolled back from', () => {
  test('is promoted by hand with force, which takes the mark off; a forced release is refused', () => {
    const state = laneAt('a');
    promote(state, 'b', 'a');
    beginRollback(state, { ...run('a', { runId: 'back' }), ...ATTRIBUTION, force: false }, NOON);
    Object.assign(state, { rollback: null });
    state.ledger.hold = null;
    expect(ask(state, { runId: 'r1', manual: true, force: true })).toMatchObject({ knownBad: expect.anything() });
    expect(ask(state, { runId: 'r2', manual: true, promoteOnly: true })).toMatchObject({ knownBad: expect.anything() });
    expect(ask(state, { runId: 'r3', manual: true, promoteOnly: true, force: true })).toEqual({ fencingToken: 2 });
    const forced = question('b', 'b', { parent: 'r3', force: true });
    expect(authorizeMove(state, forced, NOON)).toEqual({ decision: 'allow' });
    expect(state.ledger.knownBad).toHaveLength(1);
    reportMove(state, { ...forced, images: done(forced) }, NOON);
    expect(state.ledger.knownBad).toEqual([]);
  });

  test('is not promoted by a person who asks for the lane with force in the name of a release', () => {
    const state = laneAt('a');
    promote(state, 'b', 'a');
    beginRollback(state, { ...run('a', { runId: 'back' }), ...ATTRIBUTION, force: false }, NOON);
    Object.assign(state, { rollback: null });
    state.ledger.hold = null;
    ask(state, { runId: 'r3', manual: true, promoteOnly: true, force: true });
    expect(authorizeMove(state, question('b', 'b', { parent: 'r3' }), NOON)).toMatchObject({ refusal: 'known-bad' });
  });
});

describe('the live build', () => {
  test('raises an alarm if canary rejects it after it went live, until it is GREEN or replaced', () => {
    const state = laneAt('a');
    promote(state, 'b', 'a');
    const alarms = () => laneView(state, NOON).alarms;
    noteVerdict(state, red('a', 5));
    expect(alarms()).toEqual([]);
    noteVerdict(state, red('b', 5));
    expect(alarms()).toEqual([
      expect.stringMatching(/^bbbbbbb is live, and was REJECTED BY CANARY on .*canary rollback/),
    ]);
    expect(laneDetails(state, NOON, parseLane(''))).toContain('**Alarms**');
    noteVerdict(state, green('b', 6));
    expect(alarms()).toEqual([]);
  });

  test('raises none for a rejection from before a person promoted it, or without a history', () => {
    const state = laneAt('a');
    promote(state, 'c', 'a');
    for (const minutes of [-5, 0]) {
      noteVerdict(state, red('b', minutes));
      promote(state, 'b', 'c');
      expect(liveRejection(state.ledger)).toBeNull();
    }
    noteVerdict(state, red('b', 5));
    expect(liveRejection(state.ledger)).not.toBeNull();
    state.ledger.history = [];
    expect(liveRejection(state.ledger)).toBeNull();
  });
});

describe('a verdict', () => {
  const report = (more: object) => record(more).report as never;

  test('is read from the report of a run: the failed checks, at most five of them', () => {
    const checks = Array.from({ length: 8 }, (_, nth) => failed(`check ${nth}`));
    const tenants = [{ tenant: 'canary-1', checks: [passed('alive'), ...checks] }];
    expect(verdictOfReport(report({ verdict: 'RED', tenants }), 'run-1')).toEqual({
      sha: record().sha,
      verdict: 'RED',
      failed: [...[0, 1, 2, 3, 4].map((nth) => `canary-1: check ${nth}`), 'and 3 more'],
      runId: 'run-1',
      at: record().ended,
    });
    expect(verdictOfReport(report({ verdict: 'GREEN' }), 'run-1')).toMatchObject({ verdict: 'GREEN', failed: [] });
    expect(verdictOfReport(report({ outcome: 'CanaryAborted' }), 'run-1')).toBeNull();
  });

  test('is null if the report has no verdict, or no sha, or no end', () => {
    for (const wrong of [{ verdict: 'MAYBE' }, { sha: 'main' }, { ended: 'soon' }])
      expect(verdictOfReport({ ...record({ verdict: 'GREEN' }).report, ...wrong }, 'run-1')).toBeNull();
    const odd = { tenants: [{ tenant: 'canary-1', checks: 'all' }, null] };
    expect(verdictOfReport(report({ verdict: 'RED', ...odd }), 'run-1')).toMatchObject({ failed: [] });
  });

  test('names five failed checks without a count, and none if it is GREEN', () => {
    const checks = Array.from({ length: 5 }, (_, nth) => failed(`check ${nth}`));
    const failedOf = (verdict: string) =>
      verdictOfReport(report({ verdict, tenants: [{ tenant: 'canary-1', checks }] }), 'run-1')?.failed;
    expect(failedOf('RED')).toEqual([0, 1, 2, 3, 4].map((nth) => `canary-1: check ${nth}`));
    expect(failedOf('GREEN')).toEqual([]);
  });

  test('of the same moment does not replace another one', () => {
    const state = laneWithRejected();
    noteVerdict(state, green('b', 1));
    expect(state.ledger.verdicts).toEqual([red('b', 1)]);
  });

  test('is kept for 200 builds, and a RED one is forgotten after every GREEN one', () => {
    const state = laneAt('a');
    const sha = (nth: number) => nth.toString(16).padStart(40, '0') as BuildVerdict['sha'];
    noteVerdict(state, { ...red('b', 0), failed: Array(6).fill('ü'.repeat(120)) });
    for (let nth = 0; nth < 300; nth += 1) noteVerdict(state, { ...green('c', nth), sha: sha(nth) });
    expect(rejectionOf(state.ledger, shaOf('b'))).toBeDefined();
    expect(state.ledger.verdicts.length).toBeLessThanOrEqual(200);
    expect(state.ledger.verdicts.length).toBeGreaterThan(150);
    expect(Buffer.byteLength(JSON.stringify(state.ledger.verdicts))).toBeLessThanOrEqual(32 * 1024);
  });

  test('is asked for by a request that says that it is untested, and forced', () => {
    const sent = run('b', {
      runId: '01234567-89ab-cdef-0123-456789abcdef',
      manual: true,
      promoteOnly: true,
      force: true,
    });
    expect(parseLaneRequest(sent)).toEqual(sent);
  });
});

test('a request of a run that cannot exist is invalid: its end could not be followed', () => {
  const runId = '01234567-89ab-cdef-0123-456789abcdef';
  expect(parseLaneRequest(run('b', { runId }))).not.toBeNull();
  expect(parseLaneRequest(run('b', { runId: 'no-run-id' }))).toBeNull();
});
