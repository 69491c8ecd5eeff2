import { type Client, isGrpcServiceError } from '@temporalio/client';
import type { temporal } from '@temporalio/proto';

export type HistoryEvent = temporal.api.history.v1.IHistoryEvent;

/** gRPC status code. */
const NOT_FOUND = 5;
/** Time limit of one long poll, in milliseconds. The server answers an idle one after 20 s. */
const LONG_POLL_MS = 30_000;

/**
 * Follows the history of a run by long polls, which are no Actions and write nothing. Each call resolves to the next events, first
 * those so far; null once the run has ended, or if there is none. A call that is made before the last one is settled waits for the same events.
 */
export function followHistory(
  client: Client,
  execution: { workflowId: string; runId?: string },
): () => Promise<HistoryEvent[] | null> {
  let nextPageToken: Uint8Array | undefined;
  let isOver = false;
  const poll = async (): Promise<HistoryEvent[] | null> => {
    if (isOver) return null;
    try {
      const answer = await client.withDeadline(Date.now() + LONG_POLL_MS, () =>
        client.workflowService.getWorkflowExecutionHistory({
          namespace: client.options.namespace,
          execution,
          waitNewEvent: true,
          ...(nextPageToken && { nextPageToken }),
        }),
      );
      nextPageToken = answer.nextPageToken;
      isOver = !nextPageToken?.length;
      return answer.history?.events ?? [];
    } catch (error) {
      if (!isGrpcServiceError(error) || error.code !== NOT_FOUND) throw error;
      isOver = true;
      return null;
    }
  };
  let pending: ReturnType<typeof poll> | undefined;
  return () => {
    pending ??= poll().finally(() => {
      pending = undefined;
    });
    return pending;
  };
}
