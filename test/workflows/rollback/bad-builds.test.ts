import { beforeEach, describe, expect, test } from 'vitest';
import { laneCommandUpdate } from '../../../src/contract/messages.js';
import { awaitRunEnd } from '../../../src/temporal/runs.js';
import { useCountedGate } from '../../support/counted-gate.js';
import { ada, heldFor, say } from '../../support/decisions.js';
import { adopted, holdsLane, inQueue, laneState } from '../../support/lanes.js';
import { catchIn } from '../../support/phases.js';
import { firstTask, type Run, resetTo } from '../../support/resets.js';
import { BAD, requireRolledBack, rollBack } from '../../support/rollbacks.js';
import { firstRows, fullTest } from '../../support/rows.js';
import { newSha } from '../../support/shas.js';
import { until } from '../../support/until.js';

const { registry, gate, old, writes } = await useCountedGate('rollback-bad-builds');

let oldDigests: (string | undefined)[];
/** Build that the gate promoted, and that each test rolls back from: it is made good again for the next one. */
let bad: { sha: string; handle: Run };
let isPromoted = false;
beforeEach(async () => {
  oldDigests = await gate().latest();
  if (isPromoted) {
    await gate().sendToLane('unbad', { ...ada, sha: bad.sha });
    await gate().setLatest(bad.sha);
    return;
  }
  const { sha } = await gate().greenBuild();
  bad = { sha, handle: await gate().release({ sha }) };
  expect((await awaitRunEnd(bad.handle)).report).toMatchObject({ outcome: 'promoted' });
  isPromoted = true;
});

const back = async () => requireRolledBack(registry, gate(), await rollBack(gate(), old), oldDigests);

/** It ends as bad and says on whose word, and nothing moved. */
async function requireBad(handle: Run) {
  const { report } = await awaitRunEnd(handle);
  expect(report).toMatchObject({ outcome: 'CanaryBuildBad', why: expect.stringMatching(BAD) });
  expect(await gate().latest()).toEqual(oldDigests);
}

describe('a build that was rolled back from is not promoted', () => {
  test.each(
    firstRows<[string, object]>(1, [
      ['when it is released once more', {}],
      ['with force', { force: true, requestedBy: 'bob', reason: 'it is fine' }],
      ['untested, promoted by a person', { promoteOnly: true, requestedBy: 'bob', reason: 'it is fine' }],
      ['as a build of a later run of CI', { sequence: 1_000_000 }],
    ]),
  )('%s', async (_how, input) => {
    await back();
    const before = writes().length;
    await requireBad(await gate().release({ ...input, sha: bad.sha }));
    expect(writes()).toHaveLength(before);
  });

  fullTest('when its run is reset', async () => {
    await back();
    await requireBad(await resetTo(gate(), firstTask, bad.handle));
  });

  fullTest('when it waits for the lane as the rollback begins', async () => {
    await adopted(gate());
    const { handle: holder, sha } = await catchIn('awaiting-approval', gate(), registry);
    const again = await gate().release({ sha: bad.sha, force: true, requestedBy: 'bob', reason: 'it was fine' });
    await inQueue(gate(), bad.sha);
    await holdsLane(gate(), sha);
    await back();
    await requireBad(again);
    expect((await awaitRunEnd(holder)).report).toMatchObject({ outcome: 'CanaryAborted' });
  });
});

fullTest(
  'a build that was rolled back from may be released again after unbad, and waits for an approval then',
  async () => {
    await back();
    await gate().laneClient.update(laneCommandUpdate('unbad'), { ...ada, sha: bad.sha });
    gate().deploy({ sha: bad.sha });
    // A person has moved `:latest` since the rollback: an approval writes over it, and says so.
    const theirs = newSha();
    const [digest] = await gate().publish(theirs);
    await gate().retag(theirs, 'latest');
    const handle = await gate().release({ sha: bad.sha });
    const { id, why } = await heldFor(gate(), handle, 'after-rollback');
    expect(why).toContain(`:latest stands at ${digest}, not where the last move left it`);
    await say(handle, 'approve', { ...ada, hold: id });
    expect((await awaitRunEnd(handle)).report).toMatchObject({ outcome: 'promoted' });
    await until('the hold is lifted', async () => (await laneState(gate())).ledger.hold === null);
  },
);
