import { describe, expect, test } from 'vitest';
import type { LaneState } from '../../src/contract/lane.js';
import { adopt } from '../../src/lane/commands.js';
import { beginRollback } from '../../src/lane/rollback.js';
import { emptyLane } from '../../src/lane/state.js';
import { ATTRIBUTION, NOON, promote, shaOf, tagsOf } from './lane-support.js';

/** Lane that was set up with a `:latest` whose build it does not know, and has promoted two builds since. */
function lane(): LaneState {
  const state = emptyLane();
  adopt(state, tagsOf('1'), null, ATTRIBUTION, NOON);
  promote(state, 'a', '1');
  promote(state, 'b', 'a');
  return state;
}
const rollback = (letter: string, images?: ReturnType<typeof tagsOf>) => ({
  workflowId: `rollback-${shaOf(letter)}`,
  runId: `back-${letter}`,
  sha: shaOf(letter),
  force: false,
  ...ATTRIBUTION,
  ...(images && { images }),
});

describe('a rollback to what was live on the first day', () => {
  test('needs no force: its digests name the build, and all that was promoted since is known-bad', () => {
    const state = lane();
    expect(beginRollback(state, rollback('1', tagsOf('1')), NOON)).toBeNull();
    expect(state.ledger.history[0]).toMatchObject({ kind: 'adopted', sha: shaOf('1') });
    expect(state.ledger.knownBad.map(({ sha }) => sha)).toEqual([shaOf('a'), shaOf('b')]);
  });

  test('needs force if the digests are others, or are not known', () => {
    for (const images of [tagsOf('c'), [], undefined])
      expect(beginRollback(lane(), rollback('1', images), NOON)).toEqual({
        refused: `${shaOf('1')} was never promoted here`,
        refusal: 'needs-force',
      });
  });

  test('is one to a build that was live before everything promoted since, also the second time', () => {
    const state = lane();
    beginRollback(state, rollback('1', tagsOf('1')), NOON);
    expect(beginRollback(state, { ...rollback('1', tagsOf('1')), runId: 'back-again' }, NOON)).toBeNull();
    expect(state.ledger.history.filter(({ sha }) => sha === shaOf('1'))).toHaveLength(1);
  });
});
