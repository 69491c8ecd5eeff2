import { type WorkflowHandle, WorkflowUpdateFailedError } from '@temporalio/client';
import type { DecisionInput, DecisionName, Hold, HoldName } from '../../src/contract/hold.js';
import { DECISIONS } from '../../src/contract/messages.js';
import type { ReleaseStatus } from '../../src/contract/release.js';
import { queryStatus, retryLostUpdate, sendDecision } from '../../src/temporal/runs.js';
import type { Gate } from './gate.js';
import { until } from './until.js';

export const ada = { by: 'ada', reason: 'looked at it' };

/** Status of a run, by its query. */
export async function statusOf(gate: Gate, { workflowId }: WorkflowHandle): Promise<ReleaseStatus | undefined> {
  return (await queryStatus(gate.client, workflowId)) ?? undefined;
}

/** Waits until a run is held for this reason. */
export function heldFor(gate: Gate, handle: WorkflowHandle, name: HoldName, ms?: number): Promise<Hold> {
  return until(
    `it is held for ${name}`,
    async () => {
      const hold = (await statusOf(gate, handle))?.hold;
      return hold?.name === name ? hold : null;
    },
    ms,
  );
}

/** Approves each hold of a run until it ends. It may be asked again: a canary that fell silent takes a question back, and an approval
 * that comes before an attempt watches again, after the death of a worker, has no proof. */
export const approveToTheEnd = (gate: Gate, handle: WorkflowHandle) =>
  until(
    'it has ended',
    async () => {
      const hold = (await statusOf(gate, handle))?.hold;
      if (hold) await sendDecision(gate.client, handle.workflowId, 'approve', { ...ada, hold: hold.id });
      return (await handle.describe()).status.name !== 'RUNNING';
    },
    60_000,
  );

/** Sends a decision to a run; returns the answer of the update. */
export function say(handle: WorkflowHandle, verb: DecisionName, decision: DecisionInput): Promise<string> {
  return retryLostUpdate(() => handle.executeUpdate(DECISIONS[verb].update, { args: [decision] }));
}

/** Reason why a decision is refused. */
export function refusal(
  handle: WorkflowHandle,
  verb: DecisionName,
  decision: DecisionInput,
): Promise<string | undefined> {
  return say(handle, verb, decision).then(
    (answer) => `taken: ${answer}`,
    (error: unknown) => (error instanceof WorkflowUpdateFailedError ? error.cause?.message : String(error)),
  );
}
