import type { Client } from '@temporalio/client';
import { tsToMs } from '@temporalio/common/lib/time.js';
import { type Lane, releaseLaneId } from '../contract/ids.js';
import type { Holder, LaneState } from '../contract/lane.js';
import type { ReleasePhase } from '../contract/release.js';
import { type LaneView, laneView } from '../lane/view.js';
import { type LaneUnavailable, laneState } from './lane-client.js';
import { PayloadUnreadable } from './payloads/codec.js';
import { type Trouble, troubleOf } from './records/trouble.js';
import { findRun, isOpen, queryStatus } from './runs.js';

/** The lane and its holder, for people. */
export interface LaneNow extends LaneView {
  holder: HolderNow | null;
  /** No worker takes its workflow tasks, or each one fails: messages wait. */
  unserved: boolean;
}

export interface HolderNow extends Holder {
  /** Null if it does not answer. */
  phase: ReleasePhase | null;
  /** When that phase ends without a decision, ISO 8601. */
  until: string | null;
  /** Why its workflow task keeps failing, so that no message reaches it; null if it does not. */
  stuck: Trouble | null;
}

/** Time limit of the holder's query, in milliseconds: with the lane's query the whole takes at most two seconds. */
const QUERY_TIMEOUT_MS = 800;

/** @param statusOf the status of the holder, for callers that have it already. */
export async function laneNow(
  client: Client,
  lane: Lane,
  statusOf = ({ workflowId }: Holder) => queryStatus(client, workflowId, QUERY_TIMEOUT_MS),
): Promise<LaneNow | LaneUnavailable> {
  const [state, unserved] = await Promise.all([readLane(client, lane), isUnserved(client, lane)]);
  if (isUnavailable(state)) return state;
  const view = { ...laneView(state, Date.now()), unserved };
  const { holder } = view;
  if (!holder) return { ...view, holder };
  const [status, stuck] = await Promise.all([statusOf(holder), stuckBy(client, holder)]);
  const { phase = null, until = null } = status ?? {};
  return { ...view, holder: { ...holder, phase, until, stuck } };
}

/** Time that a workflow task of the lane may wait for a worker, in milliseconds. */
const UNSERVED_MS = 5_000;

/** Whether the lane has a workflow task that no worker carries out. */
export async function isUnserved(client: Client, lane: Lane): Promise<boolean> {
  const task = (await findRun(client, releaseLaneId(lane)))?.raw.pendingWorkflowTask;
  if (!task) return false;
  return (task.attempt ?? 0) > 2 || Date.now() - tsToMs(task.originalScheduledTime ?? undefined) > UNSERVED_MS;
}

/** What keeps the holder from going on, if its workflow task failed at least twice in a row. */
async function stuckBy(client: Client, { workflowId, runId, sha }: Holder): Promise<Trouble | null> {
  const run = await findRun(client, workflowId, runId);
  if (run === null || (run.raw.pendingWorkflowTask?.attempt ?? 0) <= 2) return null;
  const trouble = await troubleOf(client, run);
  return trouble && { ...trouble, otherwise: `canary lane drop ${sha} --reason …, and the next release continues` };
}

/** The state of the lane, whether or not a worker serves it, or why it is missing; takes at most `limitMs`, two seconds if left out. */
export async function readLane(client: Client, lane: Lane, limitMs?: number): Promise<LaneState | LaneUnavailable> {
  const [state, run] = await Promise.all([
    laneState(client, lane, limitMs).catch(unreadable),
    findRun(client, releaseLaneId(lane)),
  ]);
  if (state !== null) return state;
  if (run === null) return 'none';
  return isOpen(run) ? 'silent' : 'closed';
}

function unreadable(error: unknown): LaneUnavailable {
  if (error instanceof PayloadUnreadable) return 'unreadable';
  throw error;
}

export const isUnavailable = (state: unknown): state is LaneUnavailable => typeof state === 'string';
