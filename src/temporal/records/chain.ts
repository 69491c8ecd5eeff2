import type { Client, WorkflowExecutionDescription } from '@temporalio/client';
import proto from '@temporalio/proto';

/** Run ids of those that followed a closed run for certain: the one that it continued as, and the one that it was last reset as. */
export async function successorsOf(
  client: Client,
  { workflowId, runId, status, raw }: WorkflowExecutionDescription,
): Promise<string[]> {
  const reset = raw.workflowExtendedInfo?.resetRunId;
  const continued = status.name === 'CONTINUED_AS_NEW' ? await continuedAs(client, { workflowId, runId }) : null;
  return [continued, reset].filter((one): one is string => Boolean(one));
}

async function continuedAs(client: Client, execution: { workflowId: string; runId: string }): Promise<string | null> {
  const { history } = await client.workflowService.getWorkflowExecutionHistory({
    namespace: client.options.namespace,
    execution,
    historyEventFilterType: proto.temporal.api.enums.v1.HistoryEventFilterType.HISTORY_EVENT_FILTER_TYPE_CLOSE_EVENT,
  });
  return history?.events?.at(-1)?.workflowExecutionContinuedAsNewEventAttributes?.newExecutionRunId || null;
}
