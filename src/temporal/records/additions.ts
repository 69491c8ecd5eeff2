import {
  type Client,
  WorkflowExecutionAlreadyStartedError,
  WorkflowFailedError,
  type WorkflowHandle,
} from '@temporalio/client';
import { ApplicationFailure, CancelledFailure } from '@temporalio/common';
import { InvalidInput } from '../../contract/brand.js';
import { addTenantId, type Lane, taskQueue, WORKFLOWS } from '../../contract/ids.js';
import { addTenantQuery } from '../../contract/messages.js';
import { type AddTenantInput, type AddTenantStatus, isAddTenantStatus } from '../../contract/tenants/added.js';
import { fieldsOf } from '../../domain/payloads/fields.js';
import { earlyEnd, queryWithin } from '../runs.js';
import { startInput } from '../start.js';
import { listRunsOf } from './listing.js';
import type { Trouble } from './trouble.js';

/** Time limit of a status query, in milliseconds. */
const QUERY_MS = 1_000;
/** Additions that are shown: a person starts them one by one. */
const MAX_SHOWN = 20;

/** Starts the addition of a tenant, or attaches to the one that runs.
 * @throws {InvalidInput} if that one was started with or without `recreate`. */
export async function startAddition(client: Client, lane: Lane, input: AddTenantInput) {
  const workflowId = addTenantId(lane, input.slug);
  try {
    const handle = await client.workflow.start(WORKFLOWS.add, {
      workflowId,
      taskQueue: taskQueue(lane),
      args: [input],
      staticSummary: `add the canary tenant ${input.slug}`,
    });
    return { handle: handle as WorkflowHandle, isAttached: false };
  } catch (error) {
    if (!(error instanceof WorkflowExecutionAlreadyStartedError)) throw error;
  }
  const { runId } = await client.workflow.getHandle(workflowId).describe();
  const { recreate } = fieldsOf(await startInput(client, workflowId, runId));
  if (recreate !== input.recreate)
    throw new InvalidInput(
      `${workflowId} is already running ${recreate ? 'with' : 'without'} --recreate: wait for its end`,
    );
  return { handle: client.workflow.getHandle(workflowId, runId), isAttached: true };
}

/** How far an addition is; null if no worker answers in time. */
export const additionStatus = (client: Client, handle: WorkflowHandle): Promise<AddTenantStatus | null> =>
  queryWithin(client, QUERY_MS, () => handle.query(addTenantQuery)).catch(() => null);

/** Of a workflow of another project. */
const NO_STATUS = 'it has ended, and its result is no status of an addition';

/** How an addition ended; a reason alone if it failed before it had a status. */
export async function awaitAddition(handle: WorkflowHandle): Promise<AddTenantStatus | { why: string }> {
  try {
    const result: unknown = await handle.result();
    return isAddTenantStatus(result) ? result : { why: NO_STATUS };
  } catch (error) {
    if (!(error instanceof WorkflowFailedError)) throw error;
    const { cause } = error;
    if (cause instanceof CancelledFailure) return { why: 'cancelled' };
    const status: unknown = cause instanceof ApplicationFailure ? cause.details?.[0] : null;
    return isAddTenantStatus(status) ? status : { why: cause?.message ?? error.message };
  }
}

/** Additions that run. None if runs cannot be listed, which the overview says. */
export async function openAdditions(
  client: Client,
  lane: Lane,
): Promise<{ workflowId: string; status: AddTenantStatus | null }[]> {
  const query = `TaskQueue = '${taskQueue(lane)}' AND WorkflowType = '${WORKFLOWS.add}' AND CloseTime IS NULL`;
  const runs = await listRunsOf(client, lane, query, MAX_SHOWN).catch(() => []);
  return Promise.all(
    runs.map(async ({ workflowId, runId }) => ({
      workflowId,
      status: await additionStatus(client, client.workflow.getHandle(workflowId, runId)),
    })),
  );
}

/** Age up to which an addition that a person ended is told, in milliseconds: an older one is no news. */
const MAX_AGE_MS = 24 * 60 * 60_000;

/** Additions of the last day that a person cancelled or terminated, and that did not begin again. None if runs cannot be listed. */
export async function endedAdditions(client: Client, lane: Lane, now = Date.now()): Promise<Trouble[]> {
  const query = `TaskQueue = '${taskQueue(lane)}' AND WorkflowType = '${WORKFLOWS.add}'`;
  const runs = await listRunsOf(client, lane, query, MAX_SHOWN).catch(() => []);
  // The latest run comes first.
  const last = runs.filter((run, index) => runs.findIndex(({ workflowId }) => workflowId === run.workflowId) === index);
  return last.flatMap((run) => {
    const isByPerson = run.status.name === 'CANCELLED' || run.status.name === 'TERMINATED';
    if (!isByPerson || (run.closeTime?.getTime() ?? 0) < now - MAX_AGE_MS) return [];
    const { workflowId } = run;
    const what = `${earlyEnd(run)} before its end, so the tenant may not be in the fleet`;
    return [{ workflowId, what, fix: `canary tenants add ${workflowId.slice(workflowId.indexOf(':') + 1)}` }];
  });
}
