import { describe, expect, test } from 'vitest';
import { previewRollback } from '../../src/lane/rollback.js';
import { ATTRIBUTION, laneAt, NOON, promote, shaOf } from './lane-support.js';

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

  test('changes nothing', () => {
    const state = threeBuilds();
    const before = structuredClone(state);
    preview('a', state);
    expect(state).toEqual(before);
  });
});
