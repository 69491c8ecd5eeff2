import { activityInfo, cancellationSignal, cancelled, sleep } from '@temporalio/activity';
import { type Client, WorkflowFailedError, type WorkflowHandle, WorkflowNotFoundError } from '@temporalio/client';
import { type Lane, releaseId, releaseLaneId, WORKFLOWS } from '../src/contract/ids.js';
import type { LaneRequest, LaneResult, LaneState, RunRef } from '../src/contract/lane.js';
import type { BuildVerdict } from '../src/contract/tenants/check.js';
import { verdictOfReport } from '../src/lane/verdicts.js';
import { DeadlineReached, unlessAborted, withDeadline } from '../src/net/deadline.js';
import type { LaneClient } from '../src/temporal/lane-client.js';
import { followHistory } from '../src/temporal/records/follow.js';
import { awaitRunEnd, findRun } from '../src/temporal/runs.js';
import { isOurs } from './border/caller.js';
import { temporalNow } from './clock.js';
import type { ActivityDependencies } from './dependencies.js';
import { ownRun, waitHeartbeatMs, whileWaiting, withHeartbeat } from './heartbeat.js';

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

/** Interval at which a lane that does not answer, or that changes, is asked again, in milliseconds. */
export const LANE_POLL_MS = 400;

/** State of the lane once it answers; null if it does not for so long, in milliseconds. */
export async function stateWithin(lane: Pick<LaneClient, 'state'>, forMs: number): Promise<LaneState | null> {
  for (const deadline = performance.now() + forMs; ; await sleep(LANE_POLL_MS)) {
    const state = await lane.state();
    if (state || performance.now() >= deadline) return state;
  }
}

/** `LANE_POLL_MS` while the server does not tell of changes, in milliseconds. */
const REFUSED_MS = 1_000;

/**
 * Time after which a release that the lane does not know asks again, in milliseconds. It doubles up to the longest: a lane whose
 * worker is slow cannot continue as new while it is asked more often than it can replay its history.
 */
const REJOIN_MS = 2_000;
/** Least time between two requests, in milliseconds, whatever becomes of the lane meanwhile: each one is an event of its history. */
const JOIN_MS = 1_000;
const MAX_REJOIN_MS = 16_000;

/** Longest time between two questions to a lane that shows no change, in milliseconds. */
const LANE_QUIET_MS = 60_000;

/** Activities that only wait, without a bound. Their own queue keeps them from taking the slots of work, and a worker that stops hands them on at once. */
export function createWaitActivities({ client, lane, stopping, config }: ActivityDependencies) {
  const own = config.lane;
  const waiting = { client, stopping };
  return {
    /** Waits until this run holds the lane or is answered, even if the lane is terminated in the meantime. */
    waitForLane: (request: LaneRequest): Promise<LaneResult> =>
      whileWaiting(waiting, async () => {
        const changes = laneChanges(client, own);
        let [joinedRunId, joinedAt, rejoinMs] = ['', Number.NEGATIVE_INFINITY, REJOIN_MS];
        const join = async () => {
          await lane.joinQueue(request);
          const runId = (await lane.openRun()) ?? '';
          rejoinMs = runId === joinedRunId ? Math.min(2 * rejoinMs, MAX_REJOIN_MS) : REJOIN_MS;
          [joinedRunId, joinedAt] = [runId, performance.now()];
        };
        // The lane cannot know it yet, so it is not asked first.
        if (activityInfo().attempt === 1) await join();
        for (;;) {
          const position = await lane.position(request);
          if (position?.isKnown) {
            if (position.result !== null) return position.result;
            await changes();
            continue;
          }
          const open = await lane.openRun();
          // Another run of the lane may not know this request, and a full queue takes none.
          const isOther = open === null || open !== joinedRunId;
          const leftMs = joinedAt + (isOther ? JOIN_MS : rejoinMs) - performance.now();
          // A timer fires up to a millisecond early.
          if (leftMs < 1) await join();
          // A slow lane must not be asked faster than it works: each question is one more read of a loaded server.
          else await changes(Math.ceil(leftMs));
        }
      }),

    /** Waits until the lane is not paused. */
    awaitResume: (): Promise<void> =>
      whileWaiting(waiting, async () => {
        for (const changes = laneChanges(client, own); ; ) {
          const position = await lane.position(ownRun());
          if (position === null) {
            // Only a message would start a lane that was ended, and a paused release sends none.
            await lane.begin();
            await sleep(LANE_POLL_MS);
          } else if (position.status.pause === null) return;
          else {
            const { until } = position.status.pause;
            await changes(until === undefined ? undefined : Math.max(0, Date.parse(until) - temporalNow(client)));
          }
        }
      }),

    /**
     * Waits until the release that holds the lane has ended in any way; its verdict on its build, or null if it left none: what another
     * workflow left under the id of a release does not count.
     */
    awaitVerdict: ({ workflowId, runId }: RunRef): Promise<BuildVerdict | null> =>
      withHeartbeat(
        async () => {
          const handle = client.workflow.getHandle(workflowId, runId, { followRuns: false });
          await awaitEnd(handle);
          if (!isOurs(await findRun(client, workflowId, runId), WORKFLOWS.release, own)) return null;
          const end = await awaitRunEnd(handle).catch(nullIfGone);
          const verdict = verdictOfReport(end?.report, runId);
          return verdict && releaseId(own, verdict.sha) === workflowId ? verdict : null;
        },
        undefined,
        waitHeartbeatMs(),
      ),

    /** Waits until a run has ended; without a run id, until the open run of that workflow id has ended. */
    awaitClosed: ({ workflowId, runId }: Pick<RunRef, 'workflowId'> & Partial<RunRef>): Promise<void> =>
      withHeartbeat(
        () => awaitEnd(client.workflow.getHandle(workflowId, runId, { followRuns: false })),
        undefined,
        waitHeartbeatMs(),
      ),
  };
}

/** Waits until the lane may have decided something, for `forMs` milliseconds, or a minute. Its state changes only in a workflow task. */
function laneChanges(client: Client, lane: Lane): (forMs?: number) => Promise<void> {
  const follow = () => followHistory(client, { workflowId: releaseLaneId(lane) });
  let next = follow();
  let lookedAt = Number.NEGATIVE_INFINITY;
  const change = async (signal: AbortSignal) => {
    for (;;) {
      // A race with `cancelled` would keep the events of each long poll until the end of the activity.
      const events = await unlessAborted(next(), signal);
      if (events === null || events.some((event) => event.workflowTaskCompletedEventAttributes)) return events;
    }
  };
  return async (forMs = LANE_QUIET_MS) => {
    // Without its history, the lane is asked again after a short pause.
    const seen = await withDeadline(Math.min(LANE_QUIET_MS, forMs), cancellationSignal(), change).catch(
      (error: unknown) => {
        if (cancellationSignal().aborted) return cancelled();
        return error instanceof DeadlineReached ? [] : 'failed';
      },
    );
    if (!Array.isArray(seen)) next = follow();
    // A server that refuses a long poll has too many of them, or none to spare.
    await sleep(Math.max(0, lookedAt + (seen === 'failed' ? REFUSED_MS : LANE_POLL_MS) - performance.now()));
    lookedAt = performance.now();
  };
}
