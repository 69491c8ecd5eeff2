import { randomUUID } from 'node:crypto';
import type { WorkflowHandle } from '@temporalio/client';
import type { History } from '@temporalio/common/lib/proto-utils.js';
import { CanaryPhase } from '../../src/contract/search-attributes.js';
import type { Gate } from './gate.js';
import type { Phase } from './phases.js';

export type Run = WorkflowHandle & { firstExecutionRunId: string };
type HistoryEvent = NonNullable<History['events']>[number];
/** Id of the completed workflow task that an event names; undefined if it names none. */
type TaskOf = (event: HistoryEvent) => HistoryEvent['eventId'];

export const firstTask: TaskOf = ({ workflowTaskCompletedEventAttributes, eventId }) =>
  workflowTaskCompletedEventAttributes && eventId;

/** Id of the last matching workflow task. */
export const lastTask: TaskOf = (event) => firstTask(event);

/** Workflow task in which a run entered a phase. */
export const entering =
  (phase: Phase): TaskOf =>
  ({ upsertWorkflowSearchAttributesEventAttributes: upsert }) => {
    const data = upsert?.searchAttributes?.indexedFields?.[CanaryPhase.name]?.data;
    return String(data).includes(`"${phase}"`) ? upsert?.workflowTaskCompletedEventId : null;
  };

/** Resets a run to a workflow task, as `temporal workflow reset --event-id` does: a new run continues from there. */
export async function resetTo(gate: Gate, taskOf: TaskOf, run: Run): Promise<Run> {
  const { workflowId, firstExecutionRunId: runId } = run;
  const { workflowService, workflow } = gate.client;
  const { events } = await workflow.getHandle(workflowId, runId).fetchHistory();
  const answer = await workflowService.resetWorkflowExecution({
    namespace: 'default',
    workflowExecution: { workflowId, runId },
    reason: 'by the test',
    requestId: randomUUID(),
    workflowTaskFinishEventId: events?.map(taskOf)[taskOf === lastTask ? 'findLast' : 'find'](Boolean) ?? null,
  });
  const again = workflow.getHandle(workflowId, answer.runId);
  return gate.keep(Object.assign(again, { firstExecutionRunId: answer.runId }));
}
