import { setTimeout as delay } from 'node:timers/promises';
import { Client } from '@temporalio/client';
import type { WorkerDeploymentVersion } from '@temporalio/common';
import type { History } from '@temporalio/common/lib/proto-utils.js';
import { type NativeConnection, type ReplayWorkerOptions, Worker } from '@temporalio/worker';
import { globalHandlers } from '@temporalio/worker/lib/workflow/vm-shared.js';
import { isOurs } from '../activities/border/caller.js';
import { type Lane, releaseLaneId, WORKFLOWS } from '../src/contract/ids.js';
import { isSameVersion, pinnedTo } from '../src/temporal/records/deployment.js';
import { findRun, isOpen } from '../src/temporal/runs.js';
import { versionCure, writtenBy } from '../src/temporal/version.js';

/** How long all histories may take to be fetched and replayed, in milliseconds: a worker that starts late serves no one. */
const REPLAY_MS = 20_000;

interface Temporal {
  connection: NativeConnection;
  namespace: string;
}

/** History of an open lane. */
interface LaneHistory {
  workflowId: string;
  history: History;
}

/**
 * Replays the history of each open lane with the code of this worker, before it polls: one that cannot go on with a lane would hold up
 * every release. A lane whose history cannot be read in time is not checked.
 * @param unchecked is told why a lane is not.
 * @throws if this code does not replay a lane.
 */
export async function requireReplay(
  { connection, namespace }: Temporal,
  lanes: Lane[],
  {
    version,
    deployment,
    ...options
  }: ReplayWorkerOptions & { version: string; deployment: WorkerDeploymentVersion | null },
  unchecked: (why: string) => void,
): Promise<void> {
  const client = new Client({ connection, namespace });
  const late = delay(REPLAY_MS, 'late' as const, { ref: false });
  let [checked, isOver] = [0, false];
  const check = async () => {
    for (const lane of lanes) {
      const found = await historyOf(client, lane, deployment);
      // The worker polls by now, and a replay would take its thread.
      if (isOver) return;
      if (found) await replay(found, version, options);
      checked += 1;
    }
  };
  try {
    if ((await Promise.race([check(), late])) === 'late')
      unchecked(`${checked} of ${lanes.length} lanes within ${REPLAY_MS / 1_000} s`);
  } catch (error) {
    if (error instanceof DoesNotReplay) throw error;
    unchecked(error instanceof Error ? error.message : String(error));
  } finally {
    isOver = true;
  }
}

class DoesNotReplay extends Error {
  override readonly name = 'DoesNotReplay';
}

async function historyOf(
  client: Client,
  lane: Lane,
  deployment: WorkerDeploymentVersion | null,
): Promise<LaneHistory | null> {
  const workflowId = releaseLaneId(lane);
  const run = await findRun(client, workflowId);
  if (!run || !isOpen(run) || !isOurs(run, WORKFLOWS.lane, lane)) return null;
  // A lane that is pinned to another version is served by its workers, until it continues as new.
  const pinned = pinnedTo(run);
  if (pinned && !isSameVersion(pinned, deployment)) return null;
  const history = await client.workflow.getHandle(workflowId, run.runId).fetchHistory();
  // Before its first task, there is nothing that its code must do again.
  return history.events?.some((event) => event.workflowTaskCompletedEventAttributes) ? { workflowId, history } : null;
}

async function replay(
  { workflowId, history }: LaneHistory,
  version: string,
  options: ReplayWorkerOptions,
): Promise<void> {
  let failure: Error | undefined;
  try {
    for await (const { error } of Worker.runReplayHistories(options, [{ workflowId, history }])) failure = error;
  } catch (error) {
    // A fault of the replay, such as a part of it that did not stop in time, tells nothing of the code.
    if (!failure) throw error;
  } finally {
    // It ran in this thread, and leaves hooks that each promise of the process would pay for.
    globalHandlers.uninstall();
  }
  if (!failure) return;
  const [why = ''] = failure.message.split('\n');
  const needed = writtenBy(history.events ?? []);
  throw new DoesNotReplay(
    `this worker, ${version}, cannot go on with ${workflowId}${needed ? `, which ${needed} wrote` : ''}: ${why} (fix: ${versionCure(workflowId, needed, version)})`,
  );
}
