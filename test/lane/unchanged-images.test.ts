import { describe, expect, test } from 'vitest';
import type { LaneState, LedgerEntry, MoveQuestion } from '../../src/contract/lane.js';
import type { MovedImage } from '../../src/contract/move.js';
import { authorizeMove, reportMove } from '../../src/lane/moves.js';
import { parseLaneState } from '../../src/lane/payloads/state.js';
import { enqueue, grant } from '../../src/lane/queue.js';
import { beginRollback, digestsOfMove } from '../../src/lane/rollback.js';
import { ATTRIBUTION, digestOf, done, laneAt, NOON, question, run, shaOf, tagsOf } from './lane-support.js';

/** Release of build a over build 1, of which the second image is not one: it is at `kept`. */
function releasing(kept = '1'): { state: LaneState; asked: MoveQuestion } {
  const state = laneAt('1');
  enqueue(state, run('a'));
  grant(state, NOON);
  const asked = question('a', '1');
  const second = { ...asked.input.images[1], to: digestOf(shaOf(kept), 1), from: digestOf(shaOf(kept), 1) };
  const images = [asked.input.images[0], { ...second, unchanged: true }] as typeof asked.input.images;
  const latest = [tagsOf('1')[0], tagsOf(kept)[1]] as typeof asked.latest;
  return { state, asked: { ...asked, input: { ...asked.input, images }, latest } };
}

function promoted(): LaneState {
  const { state, asked } = releasing();
  authorizeMove(state, asked, NOON);
  const images = asked.input.images.map(
    ({ repository, to, from }): MovedImage => ({
      repository,
      digest: to,
      previous: from,
      result: 'promoted',
      latest: to,
    }),
  );
  const { moverRunId, parent, input } = asked;
  reportMove(state, { moverRunId, parent, input, images }, NOON);
  return state;
}

const back = { workflowId: 'rollback-1111111', runId: 'back', sha: shaOf('1'), force: false, ...ATTRIBUTION };

describe('the lane, of an image that a build does not have,', () => {
  test('grants the lease if it is where the last move left it', () => {
    const { state, asked } = releasing();
    expect(authorizeMove(state, asked, NOON)).toEqual({ decision: 'allow' });
  });

  test('asks a person if it is elsewhere, although the run pinned it there', () => {
    const { state, asked } = releasing('f');
    expect(authorizeMove(state, asked, NOON)).toMatchObject({ decision: 'deny', refusal: 'latest-moved' });
    const accepted = { ...asked, input: { ...asked.input, accepted: true } };
    expect(authorizeMove(state, accepted, NOON)).toEqual({ decision: 'allow' });
  });

  test('records its digest, so that a rollback knows it', () => {
    const state = promoted();
    expect(digestsOfMove(state, shaOf('a'))).toMatchObject([
      { digest: digestOf(shaOf('a'), 0) },
      { digest: digestOf(shaOf('1'), 1), unchanged: true },
    ]);
    expect(parseLaneState(structuredClone(state))).toEqual(state);
  });

  test('marks only what the target of a rollback does not have: neither it nor a later build is refused for it', () => {
    const state = promoted();
    expect(beginRollback(state, back, NOON + 1_000)).toBeNull();
    expect(state.ledger.knownBad).toMatchObject([{ sha: shaOf('a'), digests: [digestOf(shaOf('a'), 0)] }]);
    const move = question('1', 'a', { kind: 'rollback', mover: 'm', parent: 'back' });
    expect(authorizeMove(state, move, NOON + 1_000)).toEqual({ decision: 'allow' });
  });

  test('marks the digests that the newest promotion of a build moved to, not those of an older one or of a rollback', () => {
    const state = promoted();
    const older = state.ledger.history.at(-1) as LedgerEntry;
    const pushedAgain = older.images.map((one, image) => ({ ...one, digest: digestOf(shaOf('e'), image) }));
    const restored = older.images.map((one, image) => ({ ...one, digest: digestOf(shaOf('c'), image) }));
    state.ledger.history.push({ ...older, images: pushedAgain }, { ...older, kind: 'rollback', images: restored });
    expect(beginRollback(state, back, NOON + 1_000)).toBeNull();
    expect(state.ledger.knownBad.map(({ digests }) => digests)).toEqual([
      [digestOf(shaOf('e'), 0), digestOf(shaOf('e'), 1)],
    ]);
  });
});

test('the ledger keeps the rollback floor that a release named, also over a restart', () => {
  const { state, asked } = releasing();
  const images = asked.input.images.map((image) => ({ ...image, floor: shaOf('1') as never }));
  const named = { ...asked, input: { ...asked.input, images } };
  authorizeMove(state, named, NOON);
  reportMove(state, { ...named, images: done(named) }, NOON);
  const kept = parseLaneState(JSON.parse(JSON.stringify(state)));
  expect(kept?.ledger.history.at(-1)?.images.map(({ floor }) => floor)).toEqual(images.map(() => shaOf('1')));
});
