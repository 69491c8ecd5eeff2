import type { Client, WorkflowHandle } from '@temporalio/client';

/** When a run that asks the lane for its turn asked, had it, and ended; epoch, ms. */
export interface TurnTimes {
  asked: number;
  got: number;
  ended: number;
}

/** From a closed run's history; null when it never got an answer. */
export async function turnTimes(handle: WorkflowHandle): Promise<TurnTimes | null> {
  const { events = [] } = await handle.fetchHistory();
  const all = events ?? [];
  const wait = all.find(
    ({ activityTaskScheduledEventAttributes: scheduled }) => scheduled?.activityType?.name === 'waitForLane',
  );
  const got = all.find(
    ({ activityTaskCompletedEventAttributes: done }) =>
      wait && done?.scheduledEventId?.toString() === `${wait.eventId}`,
  );
  const end = all.at(-1);
  return wait && got && end ? { asked: at(wait), got: at(got), ended: at(end) } : null;
}

/** From the end of each run that had its turn to when the next one, which waited by then, knew of its own; in ms. */
export function grantDelays(runs: TurnTimes[]): number[] {
  const inTurn = [...runs].sort((a, b) => a.got - b.got);
  return inTurn.flatMap((run, index) => {
    const before = inTurn[index - 1];
    return before && run.asked < before.ended ? [run.got - before.ended] : [];
  });
}

/** Events of each run of a lane, of all that it ever had. */
export async function eventsOfRuns(client: Client, workflowId: string): Promise<number[]> {
  const events: number[] = [];
  // A list tells no length of a run that is open.
  for await (const { runId } of client.workflow.list({ query: `WorkflowId = '${workflowId}'` }))
    events.push((await client.workflow.getHandle(workflowId, runId).describe()).historyLength);
  return events;
}

type HistoryEvent = NonNullable<Awaited<ReturnType<WorkflowHandle['fetchHistory']>>['events']>[number];
const at = ({ eventTime }: HistoryEvent) => Number(eventTime?.seconds) * 1_000 + (eventTime?.nanos ?? 0) / 1e6;
