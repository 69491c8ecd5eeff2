import type { Client, WorkflowExecutionDescription } from '@temporalio/client';
import type { ProtoFailure } from '@temporalio/common';
import proto, { type temporal } from '@temporalio/proto';
import {
  checkDriftId,
  deliverEventsId,
  isDelivery,
  isOfGate,
  type Lane,
  moveLatestId,
  ofGate,
  releaseLaneId,
  taskQueue,
  WORKFLOWS,
} from '../../contract/ids.js';
import type { RunRef } from '../../contract/lane.js';
import { oneLine } from '../../domain/markdown.js';
import { keyLackedBy } from '../../domain/payloads/encrypted.js';
import { PayloadUnreadable } from '../payloads/codec.js';
import { KEY_FILE } from '../payloads/keys.js';
import { readFailure } from '../payloads/read.js';
import { findRun, isOpen } from '../runs.js';
import { versionCure, versionIn, writtenBy } from '../version.js';
import { strandedBy } from './deployment.js';
import { listRuns, RunsUnlisted } from './listing.js';

/** Why an open run does not go on, though a worker may be there. */
export interface Trouble {
  workflowId: string;
  what: string;
  /** A command, or what a person must do. */
  fix: string;
  /** What a person does if that does not help: the holder of the lane alone keeps the next release waiting. */
  otherwise?: string;
}

const { WORKFLOW_TASK_FAILED_CAUSE_NON_DETERMINISTIC_ERROR: NON_DETERMINISTIC } =
  proto.temporal.api.enums.v1.WorkflowTaskFailedCause;
/** Events at the end of a history in which the last workflow task is looked for. */
const LAST_EVENTS = 50;
/** Most open runs of a gate that are looked at, the latest first. */
const MAX_RUNS = 50;

/** What keeps the open runs of a gate from going on. @param open their workflow ids; the lane, the mover and the delivery of events are looked at in any case. */
export async function troublesOf(client: Client, lane: Lane, open: string[]): Promise<Trouble[]> {
  const fixed = [releaseLaneId(lane), moveLatestId(lane), deliverEventsId(lane)];
  const ids = new Set([...fixed, ...open]);
  const found = await Promise.all(
    [...ids].map(async (id) => {
      const run = await findRun(client, id);
      return run && troubleOf(client, run);
    }),
  );
  return found.filter((trouble) => trouble !== null);
}

/** Open runs that were not looked at. */
export interface Unseen {
  /** Temporal does not list runs, or more are open than are looked at. */
  reason: 'unlisted' | 'too-many';
  what: string;
  fix: string;
}

/** Workflow ids of a gate's open runs of every type, and what is missing of them. */
export async function openRuns(client: Client, lane: Lane): Promise<{ ids: string[]; unseen: Unseen | null }> {
  // Gates that share their workers share the check for drift.
  const own = ofGate(lane) && ` AND (WorkflowType = '${WORKFLOWS.drift}' OR ${ofGate(lane).replace(' AND ', '')})`;
  const query = `TaskQueue = '${taskQueue(lane)}' AND CloseTime IS NULL${own}`;
  const isOwn = (workflowId: string) => isOfGate(lane, workflowId) || workflowId.startsWith(checkDriftId(lane));
  try {
    const ids = (await listRuns(client, query, MAX_RUNS + 1, isOwn)).map(({ workflowId }) => workflowId);
    return { ids: ids.slice(0, MAX_RUNS), unseen: ids.length > MAX_RUNS ? TOO_MANY : null };
  } catch (error) {
    if (!(error instanceof RunsUnlisted)) throw error;
    const what = `open runs cannot be listed, so one that is paused or stuck may be missing here: ${error.why}`;
    return { ids: [], unseen: { reason: 'unlisted', what, fix: VISIBILITY_FIX } };
  }
}

const TOO_MANY: Unseen = {
  reason: 'too-many',
  what: `more than ${MAX_RUNS} runs are open, so one that is paused or stuck may be missing here: the latest are looked at`,
  fix: 'look at the others in the Temporal UI, and end those that nothing needs',
};
export const VISIBILITY_FIX = 'look at the visibility store of Temporal; releases and rollbacks go on without it';

/** What a person, or the code of the workers, keeps an open run from; null if it goes on, or has ended. */
export async function troubleOf(client: Client, run: WorkflowExecutionDescription): Promise<Trouble | null> {
  if (!isOpen(run)) return null;
  const { workflowId } = run;
  const { pauseInfo } = run.raw.workflowExtendedInfo ?? {};
  if (run.status.name === 'PAUSED')
    return {
      workflowId,
      what: `is paused in Temporal${whoOf(pauseInfo)}: nothing of it goes on`,
      fix: `temporal workflow unpause --workflow-id ${workflowId} --reason …`,
    };
  const stranded = await strandedBy(client, run);
  if (stranded) return { workflowId, ...stranded };
  const attempt = run.raw.pendingWorkflowTask?.attempt ?? 0;
  const failing = attempt > 1 ? await failingTask(client, run, attempt) : null;
  return failing ?? pausedStep(run);
}

function whoOf(info: { identity?: string | null; reason?: string | null } | null | undefined): string {
  const by = info?.identity ? ` by ${oneLine(info.identity)}` : '';
  return info?.reason ? `${by} (${oneLine(info.reason)})` : by;
}

/** A step that a person paused. */
function pausedStep({ workflowId, raw }: WorkflowExecutionDescription): Trouble | null {
  const step = (raw.pendingActivities ?? []).find(({ paused }) => paused);
  if (!step) return null;
  return {
    workflowId,
    what: `waits for its step ${step.activityType?.name}, which is paused in Temporal${whoOf(step.pauseInfo?.manual)}`,
    fix: `temporal activity unpause --workflow-id ${workflowId} --activity-id ${step.activityId}`,
  };
}

/** A workflow task that fails again and again. */
async function failingTask(client: Client, run: RunRef, attempt: number): Promise<Trouble | null> {
  const { workflowId } = run;
  const events = await lastEvents(client, run).catch(() => []);
  const failed = events.findLast((event) => event.workflowTaskFailedEventAttributes);
  const completed = events.findLast((event) => event.workflowTaskCompletedEventAttributes);
  const isLast = Number(failed?.eventId ?? 0) > Number(completed?.eventId ?? 0);
  const needed = writtenBy(events);
  const { cause, failure, identity } = (isLast && failed?.workflowTaskFailedEventAttributes) || {};
  const unread = await lackedKey(client, failure);
  if (unread) return { workflowId, ...unread };
  if (cause === NON_DETERMINISTIC) {
    const own = versionIn(identity ?? '');
    // The same code with other input: it could not read what the other worker has acted on.
    const what =
      own !== null && own === needed
        ? `does not replay on a worker of ${own}, the version that wrote it: that worker may lack a payload key`
        : `needs a worker of version ${needed ?? 'that began it'}: the code of those that poll does not replay it`;
    return { workflowId, what, fix: versionCure(workflowId, needed, own) };
  }
  if (attempt < 3) return null;
  return {
    workflowId,
    what: `is stuck: its workflow task has failed ${attempt - 1} times`,
    fix: resetFix(workflowId),
  };
}

/** What a key would cure, of a workflow task that failed for want of one, or whose failure cannot be read here; null for any other. */
async function lackedKey(client: Client, failure: ProtoFailure | null | undefined) {
  try {
    const why = keyLackedBy((await readFailure(client, failure)) ?? '');
    if (why === null) return null;
    const fix = `put that key back into ${KEY_FILE} of every worker, and the run goes on; do not reset or terminate it`;
    return { what: `waits for a worker with its payload key: ${oneLine(why)}`, fix };
  } catch (error) {
    if (!(error instanceof PayloadUnreadable)) return null;
    const fix = `set ${KEY_FILE} here as the workers have it, and run canary doctor again`;
    return { what: `is stuck, and why cannot be read here: ${oneLine(error.message)}`, fix };
  }
}

/** Resets a run to its last workflow task, without the signals that came since: one of them may be the cause. The signals of a delivery are its events. */
export function resetFix(workflowId: string): string {
  const without = isDelivery(workflowId) ? '' : ' --reapply-exclude Signal';
  return `temporal workflow reset --workflow-id ${workflowId} --type LastWorkflowTask${without} --reason stuck`;
}

/** The last events of a run, oldest first. */
async function lastEvents(
  client: Client,
  { workflowId, runId }: RunRef,
): Promise<temporal.api.history.v1.IHistoryEvent[]> {
  const { history } = await client.workflowService.getWorkflowExecutionHistoryReverse({
    namespace: client.options.namespace,
    execution: { workflowId, runId },
    maximumPageSize: LAST_EVENTS,
  });
  return (history?.events ?? []).reverse();
}
