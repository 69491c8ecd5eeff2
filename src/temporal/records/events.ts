import type { Client } from '@temporalio/client';
import type { DeliveredEvent } from '../../contract/events.js';
import { parseEvent } from '../../domain/events/deliveries.js';
import { readPayload } from '../payloads/read.js';

/** Most pages of a history that are read, of 1,000 events each. */
const MAX_PAGES = 20;

/** Events that a run has published, in order, from its history: the batches that it handed to `publish`. */
export async function eventsOfRun(
  client: Client,
  execution: { workflowId: string; runId: string },
): Promise<DeliveredEvent[]> {
  const events: DeliveredEvent[] = [];
  let nextPageToken: Uint8Array | undefined;
  for (let page = 0; page < MAX_PAGES; page += 1) {
    const answer = await client.workflowService.getWorkflowExecutionHistory({
      namespace: client.options.namespace,
      execution,
      ...(nextPageToken && { nextPageToken }),
    });
    for (const { activityTaskScheduledEventAttributes: scheduled } of answer.history?.events ?? []) {
      const [payload] = scheduled?.activityType?.name === 'publish' ? (scheduled.input?.payloads ?? []) : [];
      if (!payload) continue;
      const batch = await readPayload(client, payload);
      if (Array.isArray(batch)) events.push(...batch.filter((one) => parseEvent(one) !== null));
    }
    if (!answer.nextPageToken?.length) break;
    nextPageToken = answer.nextPageToken;
  }
  const numberOf = ({ id }: DeliveredEvent) => Number(id.split('-').at(-1));
  return events.sort((a, b) => numberOf(a) - numberOf(b));
}
