import { randomUUID } from 'node:crypto';
import type { WorkflowHandle } from '@temporalio/client';
import type { History } from '@temporalio/common/lib/proto-utils.js';
import type { Gate } from './gate.js';

export type Run = WorkflowHandle & { firstExecutionRunId: string };
type HistoryEvent = NonNullable<History['events']>[number];
/** The id of a workflow task's end, where an event tells it. */
export type TaskOf = (event: HistoryEvent) => HistoryEvent['eventId'];

export const firstTask: TaskOf = ({ workflowTaskCompletedEventAttributes, eventId }) =>
  workflowTaskCompletedEventAttributes && eventId;

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
    workflowTaskFinishEventId: events?.map(taskOf).find(Boolean) ?? null,
  });
  const again = workflow.getHandle(workflowId, answer.runId);
  return gate.keep(Object.assign(again, { firstExecutionRunId: answer.runId }));
}
