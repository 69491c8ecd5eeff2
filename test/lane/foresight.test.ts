import { describe, expect, test } from 'vitest';
import { previewRollback } from '../../src/lane/rollback.js';
import { laneAt, NOON, promote, SAID, shaOf } from './lane-support.js';

const foresee = (to: string, state = threeBuilds()) =>
  previewRollback(state, { workflowId: 'x', runId: 'dry run', sha: shaOf(to), ...SAID }, NOON + 240_000);

function threeBuilds() {
  const state = laneAt('a');
  promote(state, 'b', 'a');
  promote(state, 'c', 'b', NOON + 120_000);
  return state;
}

describe('what a rollback would do', () => {
  test('names the builds that came after the target', () => {
    expect(foresee('a')).toEqual({ refused: null, bad: [shaOf('b'), shaOf('c')] });
    expect(foresee('c')).toEqual({ refused: null, bad: [] });
  });

  test('to a build that was never promoted is to be refused, and names what is live', () => {
    expect(foresee('f')).toEqual({
      refused: expect.stringMatching(/^fffffff was never promoted here$/),
      bad: [shaOf('c')],
    });
  });

  test('changes nothing', () => {
    const state = threeBuilds();
    const before = structuredClone(state);
    foresee('a', state);
    expect(state).toEqual(before);
  });
});
