import { activityInfo, log } from '@temporalio/activity';
import { type DeliveredEvent, type DeliveryOrder, partsOfId } from '../../src/contract/events.js';
import { deliverEventsId, taskQueue, WORKFLOWS } from '../../src/contract/ids.js';
import { deliverEventSignal } from '../../src/contract/messages.js';
import { metrics } from '../../src/metrics/metrics.js';
import { withGate } from '../../src/metrics/table.js';
import { type Sink, SinkError } from '../../src/notify/sink.js';
import { findRun, isOpen, queryStatus } from '../../src/temporal/runs.js';
import { scheduledAt } from '../clock.js';
import type { ActivityDependencies } from '../dependencies.js';
import { withHeartbeat } from '../heartbeat.js';
import type { EventSink } from '../publish.js';

type Dependencies = Pick<ActivityDependencies, 'client' | 'config'>;

/** Age at which an event that fails is given up, in milliseconds: those behind it are news. */
const MAX_AGE_MS = 60 * 60_000;
/** The same for one that lacks a right for what people can do without: RED behind it must not wait for an hour. */
const DENIED_MS = 5 * 60_000;
/** How long a delivery looks for a worker that has the sink, in milliseconds: while workers are replaced, old ones lack a new sink. */
const UNCONFIGURED_MS = 5 * 60_000;

/** Sink of `publish` that orders the delivery of events by `DeliverEvents`, which is started if it does not run. */
export const deliveryOrders = ({ client, config: { lane } }: Dependencies, sinks: Sink[]): EventSink => ({
  name: 'deliveries',
  async deliver(event) {
    const names = (one: Pick<DeliveredEvent, 'type'>) =>
      sinks.filter((sink) => sink.takes(one)).map(({ name }) => name);
    const order: DeliveryOrder = {
      event,
      sinks: names(event),
      reminded: event.type === 'held' ? names({ type: 'reminder' }) : [],
    };
    await client.workflow.signalWithStart(WORKFLOWS.deliver, {
      workflowId: deliverEventsId(lane),
      taskQueue: taskQueue(lane),
      args: [],
      signal: deliverEventSignal,
      signalArgs: [order],
    });
  },
});

/** Activity that delivers one event to one sink. */
export function createDeliverActivities(
  { client, config, lane }: Dependencies & Pick<ActivityDependencies, 'lane'>,
  sinks: Sink[],
) {
  return {
    deliver: (name: string, event: DeliveredEvent): Promise<void> =>
      withHeartbeat(async () => {
        const sink = sinks.find((one) => one.name === name);
        const count = (result: 'delivered' | 'retried') =>
          metrics.count('canary_deliveries_total', withGate(config.lane, { sink: name, result }));
        try {
          if (await isOver(event)) return;
          if (sink === undefined) throw new SinkError(`${name}: it is not configured on this worker`);
          await sink.deliver(event, await liveBuild(event));
          count('delivered');
        } catch (error) {
          count('retried');
          const { message: why } = error as Error;
          log.warn('event.undelivered', { sink: name, id: event.id, why });
          throw isLast(event, sink, error) ? new SinkError(why, { isFinal: true }) : error;
        }
      }),
  };

  /** Whether an event that fails is given up, whatever the fault: what its sink did not foresee holds up those behind it too. */
  function isLast({ at }: DeliveredEvent, sink: Sink | undefined, error: unknown): boolean {
    if (sink === undefined) return scheduledAt() - activityInfo().scheduledTimestampMs > UNCONFIGURED_MS;
    const isDenied = error instanceof SinkError && error.isDenied;
    return scheduledAt() - Date.parse(at) > (isDenied ? DENIED_MS : MAX_AGE_MS);
  }

  /** Build that is live while a person is asked about another one; null if the lane does not answer. */
  async function liveBuild({ type }: DeliveredEvent): Promise<string | null> {
    if (type !== 'held' && type !== 'reminder') return null;
    const state = await lane.state().catch(() => null);
    return state?.ledger.history.at(-1)?.sha ?? null;
  }

  /** Whether the hold of a reminder is over because its run was terminated, which leaves no event. A later run has the hold if it was reset to a point after it. */
  async function isOver(event: DeliveredEvent): Promise<boolean> {
    if (event.type !== 'reminder') return false;
    const run = await findRun(client, event.workflowId);
    if (run === null || !isOpen(run)) return run !== null;
    if (run.runId === partsOfId(event.id)?.runId) return false;
    const status = await queryStatus(client, event.workflowId);
    return status !== null && status.hold?.id !== event.holdId;
  }
}
