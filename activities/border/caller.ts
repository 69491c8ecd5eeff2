import { setTimeout as delay } from 'node:timers/promises';
import { activityInfo } from '@temporalio/activity';
import type { Client, WorkflowExecutionDescription } from '@temporalio/client';
import { nullIfInvalid } from '../../src/contract/brand.js';
import { type Lane, laneOf, releaseId, rollbackId, taskQueue, WORKFLOWS } from '../../src/contract/ids.js';
import type { RunRef } from '../../src/contract/lane.js';
import type { MoveInput } from '../../src/contract/move.js';
import { MoveRefusal } from '../../src/move/write-lease.js';
import { findRun } from '../../src/temporal/runs.js';

/** Workflow that an activity belongs to, as the server names it with the task. */
export interface Caller extends RunRef {
  type: string;
}

/** Caller that the server vouches for. */
export interface KnownCaller extends Caller {
  parent: RunRef | null;
}

/** Time-out of one description, in milliseconds, and for how long it is asked for. */
const DESCRIBE_MS = 5_000;
const SILENCE_MS = 20_000;
const RETRY_MS = 200;

const refuse = (why: string) => new MoveRefusal('foreign', why);

/**
 * Run that an activity belongs to, which must be one of the types that call it, on the lane of this worker.
 * @throws {MoveRefusal} above all for an activity that was started without a workflow.
 */
export function callerOf(activity: string, types: readonly string[], lane: Lane): Caller {
  const { workflowExecution: run, workflowType: type = '' } = activityInfo();
  if (!run)
    throw refuse(`${activity} refused: it belongs to no run of this gate (fix: start it by canary, not by hand)`);
  if (!types.includes(type))
    throw refuse(`${activity} refused: ${run.workflowId} is a ${type}, not a ${types.join(' or ')}`);
  const own = nullIfInvalid(() => laneOf(run.workflowId));
  if (own !== lane)
    throw refuse(
      `${activity} refused: ${run.workflowId} is no run of lane "${lane}", which this worker serves (fix: its own task queue)`,
    );
  return { ...run, type };
}

/** Most runs that a worker keeps in mind; each takes a few hundred bytes. */
const MAX_KNOWN = 10_000;
const known = new Map<string, KnownCaller>();

/**
 * Requires that the server knows a run as one of this gate: by its type, its id and its task queue. A workflow of another person may have
 * any type and id, but on our queue our workers alone run it. The server is asked once for each run: none of this ever changes.
 * @throws {MoveRefusal} for any other.
 */
export async function requireOurs(client: Client, caller: Caller, lane: Lane): Promise<KnownCaller> {
  const before = known.get(caller.runId);
  if (before) return before;
  const found = await describe(client, caller);
  if (!isOurs(found, caller.type, lane)) throw refuse(`${caller.workflowId} is not a ${caller.type} of this gate`);
  const { workflowId, runId } = found?.parentExecution ?? {};
  const vouched = { ...caller, parent: workflowId && runId ? { workflowId, runId } : null };
  if (known.size >= MAX_KNOWN) known.clear();
  known.set(caller.runId, vouched);
  return vouched;
}

/**
 * Requires that a mover was started by the release of its build, or by the rollback to it. Whether that run is running still is
 * checked with each lease.
 * @param isLater whether this is not the first attempt: the parent may be gone by now, and a move that has begun finishes.
 * @returns the parent.
 */
export async function requireParent(
  client: Client,
  parent: RunRef | null,
  { kind, sha }: Pick<MoveInput, 'kind' | 'sha'>,
  { lane, isLater }: { lane: Lane; isLater: boolean },
): Promise<RunRef> {
  if (parent === null)
    throw new MoveRefusal('not-running', 'no parent: a release or a rollback starts a move, not a person');
  const [type, id] =
    kind === 'promotion' ? [WORKFLOWS.release, releaseId(lane, sha)] : [WORKFLOWS.rollback, rollbackId(lane, sha)];
  const known = await describe(client, parent);
  if (parent.workflowId === id && (isOurs(known, type, lane) || (known === null && isLater))) return parent;
  throw refuse(`${parent.workflowId} is not the ${type} of ${sha} on this gate: it moves nothing`);
}

/** Whether a run is one of this gate: of that type, and on our queue. */
export const isOurs = (
  known: Pick<WorkflowExecutionDescription, 'type' | 'taskQueue'> | null,
  type: string,
  lane: Lane,
) => known !== null && known.type === type && known.taskQueue === taskQueue(lane);

/** Describes a run; null if the server does not know it. */
async function describe(client: Client, run: RunRef): Promise<WorkflowExecutionDescription | null> {
  for (const deadline = performance.now() + SILENCE_MS; ; await delay(RETRY_MS))
    try {
      return await client.withDeadline(Date.now() + DESCRIBE_MS, () => findRun(client, run.workflowId, run.runId));
    } catch (error) {
      if (performance.now() >= deadline) throw error;
    }
}
