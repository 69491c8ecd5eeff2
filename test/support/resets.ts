import { randomUUID } from 'node:crypto';
import type { WorkflowHandle } from '@temporalio/client';
import type { History } from '@temporalio/common/lib/proto-utils.js';
import { CanaryPhase } from '../../src/contract/search-attributes.js';
import type { Gate } from './gate.js';
import type { Phase } from './phases.js';

export type Run = WorkflowHandle & { firstExecutionRunId: string };
type HistoryEvent = NonNullable<History['events']>[number];
/** The id of a workflow task's end, where an event tells it. */
type TaskOf = (event: HistoryEvent) => HistoryEvent['eventId'];

export const firstTask: TaskOf = ({ workflowTaskCompletedEventAttributes, eventId }) =>
  workflowTaskCompletedEventAttributes && eventId;

/** The last one, where a task is sought. */
export const lastTask: TaskOf = (event) => firstTask(event);

/** The task in which a run entered a phase. */
export const entering =
  (phase: Phase): TaskOf =>
  ({ upsertWorkflowSearchAttributesEventAttributes: upsert }) => {
    const data = upsert?.searchAttributes?.indexedFields?.[CanaryPhase.name]?.data;
    return String(data).includes(`"${phase}"`) ? upsert?.workflowTaskCompletedEventId : null;
  };

/** Resets a run to a workflow task, as `temporal workflow reset --event-id` does: it goes on from there as another run. */
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
