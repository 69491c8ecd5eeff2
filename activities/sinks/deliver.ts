import { log } from '@temporalio/activity';
import type { DeliveredEvent, DeliveryOrder } from '../../src/contract/events.js';
import { deliverEventsId, taskQueue, WORKFLOWS } from '../../src/contract/ids.js';
import { deliverEventSignal } from '../../src/contract/messages.js';
import { metrics } from '../../src/metrics/metrics.js';
import { withGate } from '../../src/metrics/table.js';
import { type Sink, SinkError } from '../../src/notify/sink.js';
import { findRun, isOpen } from '../../src/temporal/runs.js';
import type { ActivityDependencies } from '../dependencies.js';
import { withHeartbeat } from '../heartbeat.js';
import type { EventSink } from '../publish.js';

type Dependencies = Pick<ActivityDependencies, 'client' | 'config'>;

/** Age at which an event that fails is given up, in milliseconds: those behind it are news. */
const MAX_AGE_MS = 60 * 60_000;

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

/** Activity that delivers one event to one sink. A sink that is not configured any more takes nothing. */
export function createDeliverActivities(
  { client, config, lane }: Dependencies & Pick<ActivityDependencies, 'lane'>,
  sinks: Sink[],
) {
  return {
    deliver: (name: string, event: DeliveredEvent): Promise<void> =>
      withHeartbeat(async () => {
        const sink = sinks.find((one) => one.name === name);
        if (sink === undefined || (await isOver(event))) return;
        const count = (result: 'delivered' | 'retried') =>
          metrics.count('canary_deliveries_total', withGate(config.lane, { sink: name, result }));
        try {
          await sink.deliver(event, await liveBuild(event));
          count('delivered');
        } catch (error) {
          count('retried');
          log.warn('event.undelivered', { sink: name, id: event.id, why: (error as Error).message });
          const isOld = Date.now() - Date.parse(event.at) > MAX_AGE_MS;
          throw isOld && error instanceof SinkError ? new SinkError(error.message, true) : error;
        }
      }),
  };

  /** Build that is live while a person is asked about another one; null if the lane does not answer. */
  async function liveBuild({ type }: DeliveredEvent): Promise<string | null> {
    if (type !== 'held' && type !== 'reminder') return null;
    const state = await lane.state().catch(() => null);
    return state?.ledger.history.at(-1)?.sha ?? null;
  }

  /** Whether the hold of a reminder is over because its run was terminated, which leaves no event. */
  async function isOver({ type, workflowId }: DeliveredEvent): Promise<boolean> {
    if (type !== 'reminder') return false;
    const run = await findRun(client, workflowId);
    return run !== null && !isOpen(run);
  }
}
