import { describe, expect, test } from 'vitest';
import { moveLatestId } from '../../../src/contract/ids.js';
import { DECISIONS } from '../../../src/contract/messages.js';
import { awaitRunEnd, queryStatus, sendDecision } from '../../../src/temporal/runs.js';
import { useCountedGate } from '../../support/counted-gate.js';
import { catchIn, type Phase } from '../../support/phases.js';
import { entering, firstTask, type Run, resetTo } from '../../support/resets.js';
import { firstRows, fullTest } from '../../support/rows.js';
import { until } from '../../support/until.js';

const { registry, gate, old: OLD, writes } = await useCountedGate('reset');

const ada = { by: 'ada', reason: 'looked at it' };
/** What a release with an approval comes through before a person has given it. */
const TO_APPROVAL: Phase[] = ['resolving', 'awaiting-canary', 'soaking', 'smoking', 'awaiting-approval'];

/** Time limit of a test that resets one release several times. */
const SEVERAL_RUNS_MS = 90_000;

const reset = (run: Run, phase: Phase) => resetTo(gate(), entering(phase), run);

const status = (run: Run) => queryStatus(gate().client, run.workflowId);
const inPhase = (run: Run, phase: string) =>
  until(`it is ${phase}`, async () => {
    const now = await status(run);
    return now?.phase === phase ? now : null;
  });
const nextHold = (run: Run, before: string | undefined) =>
  until('it waits once more', async () => {
    const hold = (await status(run))?.hold;
    return hold && hold.id !== before ? hold : null;
  });
const say = (run: Run, verb: 'approve' | 'abort', hold?: string) =>
  sendDecision(gate().client, run.workflowId, verb, { ...ada, ...(hold && { hold }) });

async function promoted() {
  const caught = await catchIn('awaiting-approval', gate(), registry);
  // Without the id of its hold: as little as an approval can say.
  await caught.handle.signal(DECISIONS.approve.signal, ada);
  expect((await awaitRunEnd(caught.handle)).report).toMatchObject({ outcome: 'promoted' });
  return caught;
}

/** A release that was promoted once, for all tests that do not need its build to be live. */
let once: ReturnType<typeof promoted> | undefined;
function promotedOnce() {
  once ??= promoted();
  return once;
}

describe('a release that is reset while it runs', () => {
  fullTest(
    'to any phase up to its approval goes on from there, and needs an approval of its own',
    async () => {
      const { handle, digests } = await catchIn('awaiting-approval', gate(), registry);
      let run: Run = handle;
      let before = (await status(run))?.hold?.id;
      for (const phase of TO_APPROVAL) {
        run = await reset(run, phase);
        const { hold } = await inPhase(run, 'awaiting-approval');
        expect(await say(run, 'approve', before), phase).toEqual({
          taken: false,
          answer: `approve refused: that hold has ended; the current one is ${hold?.id} (approval)`,
        });
        before = hold?.id;
      }
      expect(writes()).toEqual([]);
      await say(run, 'approve', before);
      // The results that led there belong to an earlier fencing token: the run starts over with its own.
      await say(run, 'approve', (await nextHold(run, before)).id);
      expect((await awaitRunEnd(run)).report).toMatchObject({ outcome: 'promoted' });
      expect(await gate().latest()).toEqual(digests);
      expect(writes().sort()).toEqual(gate().repositories);
    },
    SEVERAL_RUNS_MS,
  );

  test.each(
    firstRows<[Phase, string]>(1, [
      // Before its smoke it confirms that it holds the lane, and the lane is granted to no release during a move.
      ['soaking', 'queued'],
      ['promoting', 'promoting'],
    ]),
  )('to %s while its mover writes is then %s, and each image is written once', async (phase, where) => {
    const { handle, digests, release } = await catchIn('promoting', gate(), registry);
    const again = await reset(handle, phase);
    await inPhase(again, where);
    release();
    expect((await awaitRunEnd(again)).report).toMatchObject({ outcome: 'promoted' });
    expect(await gate().latest()).toEqual(digests);
    expect(writes().sort()).toEqual(gate().repositories);
  });
});

describe('a promoted release that is reset', () => {
  const BEFORE_APPROVAL = TO_APPROVAL.filter((phase) => phase !== 'awaiting-approval');
  fullTest(
    'to any phase finds that it is live, and moves nothing',
    async () => {
      const { handle, digests } = await promoted();
      for (const phase of BEFORE_APPROVAL)
        expect((await awaitRunEnd(await reset(handle, phase))).report, phase).toMatchObject({
          outcome: 'promoted',
          why: expect.stringMatching(/^:latest of every image is on this build since /),
        });

      // To awaiting-approval: it asks for an approval of its own, and then finds that.
      const asking = await reset(handle, 'awaiting-approval');
      expect(await inPhase(asking, 'awaiting-approval')).toMatchObject({ decisions: [] });
      await say(asking, 'approve');
      expect((await awaitRunEnd(asking)).report).toMatchObject({ outcome: 'promoted' });

      // To promoting: the approval was for that.
      expect((await awaitRunEnd(await reset(handle, 'promoting'))).report).toMatchObject({
        outcome: 'promoted',
        images: digests.map((digest) => ({ digest, result: 'already' })),
      });
      expect(await gate().latest()).toEqual(digests);
      expect(writes().sort()).toEqual(gate().repositories);
    },
    SEVERAL_RUNS_MS,
  );

  fullTest.each(BEFORE_APPROVAL)(
    'to %s, when its build is no longer live, does not accept the approval of the earlier run, and needs one of its own',
    async (phase) => {
      const { handle, sha, digests } = await promotedOnce();
      await gate().setLatest(OLD);
      gate().deploy({ sha });
      const again = await reset(handle, phase);
      expect(await inPhase(again, 'awaiting-approval')).toMatchObject({
        decisions: [],
        refusals: [expect.stringContaining('approve refused: the release is not held')],
      });
      await say(again, 'approve');
      expect((await awaitRunEnd(again)).report).toMatchObject({ outcome: 'promoted' });
      expect(await gate().latest()).toEqual(digests);
    },
  );

  fullTest(
    'to any phase after a newer one was promoted moves nothing back',
    async () => {
      const older = await promotedOnce();
      const newer = await promoted();
      const written = writes();
      // The fleet has left.
      for (const phase of ['resolving', 'awaiting-canary'] satisfies Phase[]) {
        const again = await reset(older.handle, phase);
        await inPhase(again, 'awaiting-canary');
        await say(again, 'abort');
        expect((await awaitRunEnd(again)).report, phase).toMatchObject({ outcome: 'CanaryAborted' });
      }
      // It confirms the holder.
      for (const phase of ['soaking', 'smoking', 'awaiting-approval', 'promoting'] satisfies Phase[]) {
        const again = await reset(older.handle, phase);
        if (phase === 'awaiting-approval') {
          await inPhase(again, phase);
          await say(again, 'approve');
        }
        expect((await awaitRunEnd(again)).report, phase).toMatchObject({
          outcome: 'superseded',
          why: `superseded by ${newer.sha}`,
        });
      }
      expect(await gate().latest()).toEqual(newer.digests);
      expect(writes()).toEqual(written);
    },
    SEVERAL_RUNS_MS,
  );

  fullTest('to promoting after a rollback confirms the holder, and ends because the build is known-bad', async () => {
    const { handle, sha } = await promotedOnce();
    await gate().setLatest(sha);
    await awaitRunEnd(await gate().rollback({ sha: OLD, reason: 'it burns' }));
    const back = await gate().latest();
    const again = await reset(handle, 'promoting');
    expect((await awaitRunEnd(again)).report).toMatchObject({
      outcome: 'CanaryBuildBad',
      why: expect.stringContaining('it burns'),
    });
    expect(await gate().latest()).toEqual(back);
  });
});

fullTest('a mover that is reset when its release is over writes nothing', async () => {
  await promoted();
  const { workflow } = gate().client;
  const { workflowId, runId } = await workflow.getHandle(moveLatestId(gate().lane)).describe();
  await gate().setLatest(OLD);
  const before = await gate().latest();
  const again = await resetTo(
    gate(),
    firstTask,
    Object.assign(workflow.getHandle(workflowId, runId), { firstExecutionRunId: runId }),
  );
  expect(await awaitRunEnd(again)).toMatchObject({
    outcome: 'MoveRefused',
    why: expect.stringMatching(/completed|has had its move/),
  });
  expect(await gate().latest()).toEqual(before);
});
