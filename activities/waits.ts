import { cancelled, heartbeat, sleep } from '@temporalio/activity';
import { type Client, WorkflowFailedError, type WorkflowHandle, WorkflowNotFoundError } from '@temporalio/client';
import { type Lane, releaseId, WORKFLOWS } from '../src/contract/ids.js';
import type { LaneRequest, LaneResult, RunRef } from '../src/contract/lane.js';
import type { BuildVerdict } from '../src/contract/tenants/check.js';
import { verdictOfReport } from '../src/lane/verdicts.js';
import type { LaneClient } from '../src/temporal/lane-client.js';
import { awaitRunEnd, findRun } from '../src/temporal/runs.js';
import { isOurs } from './border/caller.js';
import { ownRun, withHeartbeat } from './heartbeat.js';

/** Waits until a run has ended in any way; a run that does not exist has ended. A cancel of the activity ends the wait. */
export async function awaitEnd(handle: WorkflowHandle): Promise<void> {
  try {
    // A worker's connection ignores `withAbortSignal` (SDK 1.24.0), so a cancelled call is abandoned.
    await Promise.race([handle.result(), cancelled()]);
  } catch (error) {
    if (!(error instanceof WorkflowFailedError)) nullIfGone(error);
  }
}

/** Null for a run without a result: it is not kept, or continued as another one. */
function nullIfGone(error: unknown): null {
  if (error instanceof WorkflowNotFoundError || isContinued(error)) return null;
  throw error;
}

const isContinued = (error: unknown) => error instanceof Error && error.name === 'WorkflowContinuedAsNewError';

/** Interval at which the lane is polled, in milliseconds. */
export const LANE_POLL_MS = 400;

/** Time after which a release that the lane does not know asks again, in milliseconds. */
const REJOIN_MS = 2_000;

/** Activities that only wait, without a bound. Their own queue keeps them from taking the slots of work, and a worker that stops hands them on at once. */
export function createWaitActivities(client: Client, lane: LaneClient, own: Lane) {
  const pause = async () => {
    heartbeat();
    await sleep(LANE_POLL_MS);
  };
  return {
    /** Waits until this run holds the lane or is answered, even if the lane is terminated in the meantime. */
    async waitForLane(request: LaneRequest): Promise<LaneResult> {
      for (let [joinedRunId, joinedAt] = ['', 0]; ; ) {
        const position = await lane.position(request);
        if (position?.isKnown) {
          if (position.result !== null) return position.result;
        } else {
          const open = await lane.openRun();
          // Another run of the lane may not know this request, and a full queue takes none.
          if (open === null || open !== joinedRunId || Date.now() - joinedAt > REJOIN_MS) {
            await lane.joinQueue(request);
            joinedRunId = (await lane.openRun()) ?? '';
            joinedAt = Date.now();
            continue;
          }
        }
        await pause();
      }
    },

    /** Waits until the lane is not paused. */
    async awaitResume(): Promise<void> {
      for (;;) {
        const position = await lane.position(ownRun());
        if (position?.status.pause === null) return;
        await pause();
      }
    },

    /**
     * Waits until the release that holds the lane has ended in any way; its verdict on its build, or null if it left none: what another
     * workflow left under the id of a release does not count.
     */
    awaitVerdict: ({ workflowId, runId }: RunRef): Promise<BuildVerdict | null> =>
      withHeartbeat(async () => {
        const handle = client.workflow.getHandle(workflowId, runId, { followRuns: false });
        await awaitEnd(handle);
        if (!isOurs(await findRun(client, workflowId, runId), WORKFLOWS.release, own)) return null;
        const end = await awaitRunEnd(handle).catch(nullIfGone);
        const verdict = verdictOfReport(end?.report, runId);
        return verdict && releaseId(own, verdict.sha) === workflowId ? verdict : null;
      }),

    /** Waits until a run has ended; without a run id, until the open run of that workflow id has ended. */
    awaitClosed: ({ workflowId, runId }: Pick<RunRef, 'workflowId'> & Partial<RunRef>): Promise<void> =>
      withHeartbeat(() => awaitEnd(client.workflow.getHandle(workflowId, runId, { followRuns: false }))),
  };
}
