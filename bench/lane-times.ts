import type { Client, WorkflowHandle } from '@temporalio/client';

/** Times at which a run joined the queue, learned that it holds the lane, and ended; epoch, ms. */
export interface HolderTimes {
  joined: number;
  acquired: number;
  ended: number;
}

/** Reads the times from the history of a closed run; null if it never held the lane. */
export async function holderTimes(handle: WorkflowHandle): Promise<HolderTimes | null> {
  const { events = [] } = await handle.fetchHistory();
  const all = events ?? [];
  const wait = all.find(
    ({ activityTaskScheduledEventAttributes: scheduled }) => scheduled?.activityType?.name === 'waitForLane',
  );
  const acquired = all.find(
    ({ activityTaskCompletedEventAttributes: done }) =>
      wait && done?.scheduledEventId?.toString() === `${wait.eventId}`,
  );
  const end = all.at(-1);
  return wait && acquired && end ? { joined: at(wait), acquired: at(acquired), ended: at(end) } : null;
}

/** Delays from the end of a holder until the next run, if it waited already, knows that it holds the lane; in ms. */
export function grantDelays(runs: HolderTimes[]): number[] {
  const ordered = [...runs].sort((a, b) => a.acquired - b.acquired);
  return ordered.flatMap((run, index) => {
    const previous = ordered[index - 1];
    return previous && run.joined < previous.ended ? [run.acquired - previous.ended] : [];
  });
}

/** Numbers of events of all runs of a lane. */
export async function eventsOfRuns(client: Client, workflowId: string): Promise<number[]> {
  const events: number[] = [];
  // A list has no history length for a running workflow.
  for await (const { runId } of client.workflow.list({ query: `WorkflowId = '${workflowId}'` }))
    events.push((await client.workflow.getHandle(workflowId, runId).describe()).historyLength);
  return events;
}

type HistoryEvent = NonNullable<Awaited<ReturnType<WorkflowHandle['fetchHistory']>>['events']>[number];
const at = ({ eventTime }: HistoryEvent) => Number(eventTime?.seconds) * 1_000 + (eventTime?.nanos ?? 0) / 1e6;
