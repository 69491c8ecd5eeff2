import { heartbeat, sleep } from '@temporalio/activity';
import { moveLatestId } from '../src/contract/ids.js';
import type { HolderStatus, LaneRequest, LaneState, RollbackRequest, RunRef } from '../src/contract/lane.js';
import { beginRollbackUpdate } from '../src/contract/messages.js';
import type { TagState } from '../src/contract/move.js';
import type { Sha } from '../src/contract/sha.js';
import { LEASE_MS } from '../src/lane/moves.js';
import { digestsOfMove } from '../src/lane/rollback.js';
import { LaneRefused } from '../src/temporal/lane-client.js';
import { rejectionOf } from '../src/temporal/run-record.js';
import { findRun } from '../src/temporal/runs.js';
import { describeDrift } from './check-drift.js';
import type { ActivityDependencies } from './dependencies.js';
import { ownRun, withHeartbeat } from './heartbeat.js';
import { type Continued, recoverLane } from './recover-lane.js';
import { awaitEnd, LANE_POLL_MS } from './waits.js';

/** What runs ask and tell the lane beside waiting, and what the lane itself has done. */
export function createLaneActivities({ client, config, registry, lane: own }: ActivityDependencies) {
  const { lane } = config;
  /** A lane that says nothing, or knows nothing of it, has its say when the mover asks. */
  const requireNewestRollback = async () => {
    if ((await own.standing(ownRun()))?.isSupersededRollback)
      throw new LaneRefused('another rollback was announced after this one', 'not-announced');
  };
  return {
    /** Where a release stands with the lane. A lane that does not answer is asked again: silence is not a refusal. */
    async confirmHolder(request: LaneRequest): Promise<HolderStatus> {
      for (let tries = 0; ; tries += 1) {
        const standing = await own.standing(request);
        if (standing && (standing.isHeld || standing.result !== null || tries > 4)) return standing.status;
        if (tries % 5 === 0) await own.joinQueue(request);
        heartbeat();
        await sleep(LANE_POLL_MS);
      }
    },

    /** Where a build was put when it went to `:latest` last; null when the lane does not know, or does not answer. */
    knownBuild: (sha: Sha): Promise<TagState[] | null> =>
      withHeartbeat(async () => {
        for (let tries = 0; tries < 10; tries += 1) {
          const state = await own.state();
          if (state) return digestsOfMove(state, sha);
          await sleep(LANE_POLL_MS);
        }
        return null;
      }),

    /** From now on nothing else moves. Gives for how long something may still be on its way, in milliseconds. */
    announceRollback: (request: Omit<RollbackRequest, keyof RunRef>): Promise<number> =>
      withHeartbeat(async () => {
        const run = ownRun();
        const rejected = request.force ? null : await rejectionOf(client, lane, request.sha);
        if (rejected !== null) throw new LaneRefused(rejected, 'needs-force');
        return (await own.update(beginRollbackUpdate, { ...request, ...run })) ?? LEASE_MS;
      }),

    /** Terminates the mover of another run that does not end within `forMs`; its lease has expired by then.
     * @throws {LaneRefused} when another rollback was announced since: its mover is left alone. */
    async endMover(forMs: number): Promise<void> {
      await withHeartbeat(async () => {
        await requireNewestRollback();
        const mover = await findRun(client, moveLatestId(lane));
        if (mover?.status.name !== 'RUNNING') return;
        const handle = client.workflow.getHandle(mover.workflowId, mover.runId, { followRuns: false });
        const ended = await Promise.race([awaitEnd(handle).then(() => true), sleep(forMs).then(() => false)]);
        if (ended) return;
        await requireNewestRollback();
        await handle.terminate('a rollback takes over').catch(() => undefined);
      });
    },

    /** @throws {LaneRefused} when another rollback was announced after the one that asks. */
    requireLastRollback: (): Promise<void> => withHeartbeat(requireNewestRollback),

    /** What the last lane that knew anything knew; `isCarried` where a run began with what the one before it knew. */
    recoverLane: (isCarried = false): Promise<LaneState | Continued | null> =>
      withHeartbeat(() => recoverLane(client, lane, isCarried)),

    /** Why `:latest` is not where a move left it; null when it is. */
    reread: (expected: TagState[]): Promise<string | null> => withHeartbeat(() => describeDrift(registry, expected)),
  };
}
