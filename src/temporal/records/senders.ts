import type { Client } from '@temporalio/client';
import type { temporal } from '@temporalio/proto';

/** Most pages of a history that are read, of 1,000 events each. */
const MAX_PAGES = 5;

/** Who sent a message to a run, as Temporal's client says of itself: `pid@host`. A workflow does not see it. */
export interface Sender {
  /** `start`, or the name of the signal or update. */
  what: string;
  /** ISO 8601. */
  at: string;
  identity: string;
}

/** Senders of the start of a run, and of the decisions and commands that people sent to it, oldest first, from its history. */
export async function sendersOf(
  client: Client,
  run: { workflowId: string; runId: string },
  names: readonly string[],
): Promise<Sender[]> {
  const senders: Sender[] = [];
  let nextPageToken: Uint8Array | undefined;
  for (let page = 0; page < MAX_PAGES; page += 1) {
    const answer = await client.workflowService.getWorkflowExecutionHistory({
      namespace: client.options.namespace,
      execution: run,
      ...(nextPageToken && { nextPageToken }),
    });
    senders.push(...(answer.history?.events ?? []).flatMap((event) => senderOf(event, names)));
    if (!answer.nextPageToken?.length) break;
    nextPageToken = answer.nextPageToken;
  }
  return senders;
}

function senderOf(event: temporal.api.history.v1.IHistoryEvent, names: readonly string[]): Sender[] {
  const { workflowExecutionStartedEventAttributes: start, workflowExecutionSignaledEventAttributes: signal } = event;
  const request = event.workflowExecutionUpdateAcceptedEventAttributes?.acceptedRequest;
  const [what, identity] = start
    ? ['start', start.identity]
    : signal
      ? [signal.signalName, signal.identity]
      : [request?.input?.name, request?.meta?.identity];
  if (!what || !identity || !(what === 'start' || names.includes(what))) return [];
  const at = new Date(Number(event.eventTime?.seconds ?? 0) * 1_000).toISOString();
  return [{ what, at, identity }];
}
