import type { temporal } from '@temporalio/proto';
import { nullIfInvalid } from '../contract/brand.js';
import { laneOf, releaseLaneId } from '../contract/ids.js';
import { KEY_FILE } from './payloads/keys.js';

type HistoryEvent = temporal.api.history.v1.IHistoryEvent;

/** The version in a worker's identity (`src/config/hash.ts`); null if it has none. */
export const versionIn = (identity: string) => /\/([^/#]+)#/.exec(identity)?.[1] ?? null;

/** Version of the worker that carried out the last workflow task among these events; null if none did, or it did not say. */
export function writtenBy(events: HistoryEvent[]): string | null {
  const last = events.findLast((event) => event.workflowTaskCompletedEventAttributes);
  return versionIn(last?.workflowTaskCompletedEventAttributes?.identity ?? '');
}

/**
 * The one cure of a run that the code of the workers cannot go on with (docs/runbook/failing-task.md).
 * @param own version of the worker that cannot: if that wrote it, no other version helps.
 */
export function versionCure(workflowId: string, version: string | null, own: string | null = null): string {
  const lane = nullIfInvalid(() => laneOf(workflowId));
  const isLane = lane !== null && releaseLaneId(lane) === workflowId;
  const end = `end it, its ledger is kept: temporal workflow terminate --workflow-id ${workflowId} --reason "its code has changed"`;
  if (own !== null && own === version)
    return `set ${KEY_FILE} as the worker that wrote it has it${isLane ? `; only if it is the same, ${end}` : ''}`;
  const start = `start a worker of version ${version ?? 'that began it'}`;
  return isLane ? `${start}, or ${end}` : `${start} until it has ended`;
}
