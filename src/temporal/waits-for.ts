import type { Client, WorkflowExecutionDescription } from '@temporalio/client';
import proto from '@temporalio/proto';
import { type Lane, moveLatestId, parseRunId } from '../contract/ids.js';
import { type MoveProgress, progressLine } from '../contract/move.js';
import { oneLine } from '../domain/markdown.js';
import { readFailure, readPayload } from './payloads/read.js';
import { findRun, isOpen } from './runs.js';

/** What each activity of a release, of a rollback and of its mover waits for; a release says itself which tenants it waits for. */
const WAITS: Record<string, string> = {
  loadPlan: 'a worker: its configuration, and the fleet',
  resolveBuild: 'the registry: the images of the build',
  loadImages: 'a worker: the images of the gate',
  knownBuild: "the lane's answer: the digests of the build",
  resolveTarget: 'the registry: the images of the build',
  readBuildTags: 'the registry: the tag of the build',
  announceRollback: "the lane's answer: nothing else may move",
  endMover: 'the end of the write lease of another mover, move-latest',
  requireLastRollback: "the lane's answer: whether this is the newest rollback",
  preflightMove: 'the registry: the targets, and where :latest stands',
  moveTags: "the lane's write lease, and the registry's answer to the write",
  whereLatestStands: 'the registry: where :latest stands',
  reportMove: 'the lane: the report of the move',
  pointTag: 'the registry: the canary tag',
};

type Raw = WorkflowExecutionDescription['raw'];
type Pending = NonNullable<Raw['pendingActivities']>[number];

/**
 * What a running rollback waits for, by name: from what Temporal lists about it and its mover, so it needs no worker. Of a release, whose
 * status says what it waits for, only the steps that fail.
 */
export async function waitsFor(client: Client, lane: Lane, workflowId: string): Promise<string[]> {
  const run = await findRun(client, workflowId).catch(() => null);
  if (!run || !isOpen(run)) return [];
  const { pendingChildren } = run.raw;
  const mover = pendingChildren?.length ? await findRun(client, moveLatestId(lane)).catch(() => null) : null;
  const runs = [run, ...(mover && isOpen(mover) ? [mover] : [])];
  const { isRollback } = parseRunId(workflowId);
  const lines = await Promise.all(runs.map(({ raw }) => ofRun(client, raw, isRollback)));
  return [...new Set(lines.flat().map((line) => oneLine(line)))];
}

async function ofRun(
  client: Client,
  { pendingActivities, pendingChildren, pendingWorkflowTask }: Raw,
  isRollback: boolean,
): Promise<string[]> {
  const activities = (
    await Promise.all((pendingActivities ?? []).map((one) => ofActivity(client, one, isRollback)))
  ).flat();
  if (!isRollback || activities.length > 0 || pendingChildren?.length) return activities;
  const attempt = pendingWorkflowTask?.attempt ?? 0;
  if (attempt > 2)
    return [`a worker that can run it: its workflow task has failed ${attempt - 1} times (canary doctor)`];
  return pendingWorkflowTask ? ['a worker (canary worker)'] : [];
}

async function ofActivity(
  client: Client,
  { activityType, attempt, state, lastFailure, heartbeatDetails }: Pending,
  isRollback: boolean,
): Promise<string[]> {
  const what = WAITS[activityType?.name ?? ''];
  if (what === undefined) return [];
  const progress = await readProgress(client, heartbeatDetails);
  if (progress.length > 0) return progress;
  if (!isRollback && (attempt ?? 1) <= 1) return [];
  const isTaken = state === proto.temporal.api.enums.v1.PendingActivityState.PENDING_ACTIVITY_STATE_STARTED;
  if (!isTaken && (attempt ?? 1) <= 1) return ['a worker (canary worker)'];
  const why = await readFailure(client, lastFailure);
  return [attempt && attempt > 1 ? `${what}; attempt ${attempt}, after ${why ?? 'a failure'}` : what];
}

/** Images that a mover has not moved yet, by its last heartbeat. */
async function readProgress(client: Client, heartbeat: Pending['heartbeatDetails']): Promise<string[]> {
  const { images } = Object(await readPayload(client, heartbeat?.payloads?.[0])) as { images?: unknown };
  return Array.isArray(images) ? images.filter(isProgress).map((one) => oneLine(progressLine(one))) : [];
}

const isProgress = (value: unknown): value is MoveProgress => {
  const { repository, why } = Object(value) as Partial<MoveProgress>;
  return typeof repository === 'string' && typeof why === 'string';
};

/** Images that the running mover has not moved yet; empty if none runs. */
export async function moveProgress(client: Client, lane: Lane): Promise<string[]> {
  const mover = await findRun(client, moveLatestId(lane)).catch(() => null);
  const activities = mover?.raw.pendingActivities ?? [];
  return (await Promise.all(activities.map((one) => readProgress(client, one.heartbeatDetails)))).flat();
}
