import type { Client } from '@temporalio/client';
import type { RunRef } from '../../contract/lane.js';
import { readPayload } from '../payloads/read.js';

/** Activity of a mover that reports to the lane. */
const REPORT = 'reportMove';

/**
 * What a mover was started with, and every report that it sent so far, from its history: no one but the worker of a run writes that.
 * A mover has less than a hundred events.
 */
export async function readMover(
  client: Client,
  { workflowId, runId }: RunRef,
): Promise<{ input: unknown; reports: unknown[] }> {
  const { events } = await client.workflow.getHandle(workflowId, runId).fetchHistory();
  const [first] = events?.[0]?.workflowExecutionStartedEventAttributes?.input?.payloads ?? [];
  const scheduled = (events ?? []).flatMap(({ activityTaskScheduledEventAttributes: activity }) =>
    activity?.activityType?.name === REPORT ? [activity.input?.payloads?.[0]] : [],
  );
  const [input, ...reports] = await Promise.all([first, ...scheduled].map((payload) => readPayload(client, payload)));
  return { input, reports };
}
