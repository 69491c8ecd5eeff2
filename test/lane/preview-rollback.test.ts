import { describe, expect, test } from 'vitest';
import { reportMove } from '../../src/lane/moves.js';
import { beginRollback, previewRollback } from '../../src/lane/rollback.js';
import { laneView } from '../../src/lane/view.js';
import { ATTRIBUTION, done, laneAt, NOON, promote, question, shaOf } from './lane-support.js';

const preview = (to: string, state = threeBuilds()) =>
  previewRollback(state, { workflowId: 'x', runId: 'dry run', sha: shaOf(to), ...ATTRIBUTION }, NOON + 240_000);

function threeBuilds() {
  const state = laneAt('a');
  promote(state, 'b', 'a');
  promote(state, 'c', 'b', NOON + 120_000);
  return state;
}

describe('previewRollback', () => {
  test('names the builds that came after the target', () => {
    expect(preview('a')).toEqual({ refused: null, bad: [shaOf('b'), shaOf('c')] });
    expect(preview('c')).toEqual({ refused: null, bad: [] });
  });

  test('refuses a build that was never promoted, and names the live build', () => {
    expect(preview('f')).toEqual({
      refused: expect.stringMatching(/^fffffff was never promoted here$/),
      bad: [shaOf('c')],
    });
  });

  test('refuses none that the lane proposes: one of an earlier forced rollback was live here', () => {
    const state = threeBuilds();
    const run = { workflowId: `rollback-${shaOf('f')}`, runId: 'back-f' };
    beginRollback(state, { ...run, sha: shaOf('f'), force: true, ...ATTRIBUTION }, NOON + 180_000);
    const asked = question('f', 'c', { kind: 'rollback', parent: 'back-f' });
    reportMove(state, { ...asked, images: done(asked) }, NOON + 180_000);
    Object.assign(state, { rollback: null });
    state.ledger.hold = null;
    promote(state, 'd', 'f', NOON + 200_000);
    expect(laneView(state, NOON + 240_000).back).toBe(shaOf('f'));
    expect(preview('f', state)).toEqual({ refused: null, bad: [shaOf('d')] });
  });

  test('changes nothing', () => {
    const state = threeBuilds();
    const before = structuredClone(state);
    preview('a', state);
    expect(state).toEqual(before);
  });
});
