import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, expect } from 'vitest';
import type { DeliveredEvent } from '../../src/contract/events.js';
import { deliverEventsId, releaseLaneId, taskQueue, WORKFLOWS } from '../../src/contract/ids.js';
import { deliverEventSignal } from '../../src/contract/messages.js';
import { lostEvents } from '../../src/temporal/deliveries/lost-events.js';
import { startSinkServer } from '../../testbed/sink-server.js';
import { startTemporalServer } from '../../testbed/temporal-server.js';
import { alarmed, RUN } from '../support/events.js';
import { useGate } from '../support/gate.js';
import { fullTest } from '../support/rows.js';
import { until } from '../support/until.js';

const [server, chat, hook] = await Promise.all([
  startTemporalServer({ continueAfter: 40 }),
  startSinkServer(),
  startSinkServer(),
]);
afterAll(() => Promise.all([server.stop(), chat.stop(), hook.stop()]));

const gate = useGate('full-deliveries', () => ({
  temporal: server.address,
  tenants: 0,
  env: {
    CANARY_SLACK_WEBHOOK: `${chat.url}/slack`,
    CANARY_WEBHOOK_URL: `${hook.url}/events`,
    CANARY_WEBHOOK_SECRET: `whsec_${Buffer.alloc(32, 7).toString('base64')}`,
  },
}));

const EVENTS = 20;
/** How long a slow chat takes to answer, in milliseconds. */
const SLOW_MS = 1_500;

fullTest(
  'a sink that is down holds up no other one when the deliveries continue as new, and gets what it missed once and in order',
  async () => {
    const why = (number: number) => `alarm number ${number};`;
    const tell = (number: number) =>
      gate().client.workflow.signalWithStart(WORKFLOWS.deliver, {
        workflowId: deliverEventsId(gate().lane),
        taskQueue: taskQueue(gate().lane),
        args: [],
        signal: deliverEventSignal,
        signalArgs: [{ event: eventOf(number), sinks: ['slack', 'webhook'], reminded: [] }],
      });
    const eventOf = (number: number): DeliveredEvent =>
      ({
        ...alarmed(number),
        why: why(number),
        at: new Date().toISOString(),
        workflow: 'ReleaseLane',
        workflowId: releaseLaneId(gate().lane),
      }) as DeliveredEvent;
    const told = () => hook.taken.map(({ headers }) => headers['webhook-id']);

    // In the first half it waits for its next attempt when a run is full, in the second one its attempt is under way.
    chat.answer = async () => {
      if (ids.length > EVENTS / 2) await delay(SLOW_MS);
      return { status: 503 };
    };
    const runs = new Set<string>();
    const ids: string[] = [];
    for (let number = 1; number <= EVENTS; number += 1) {
      ids.push(`${RUN}-${number}`);
      await tell(number);
      await until(`the webhook has event ${number}`, () => told().length === number, 15_000);
      runs.add((await gate().client.workflow.getHandle(deliverEventsId(gate().lane)).describe()).runId);
    }
    expect(told()).toEqual(ids);
    expect(runs.size).toBeGreaterThan(2);
    expect(chat.taken).toEqual([]);
    // What goes on in the next run is not lost.
    expect(await lostEvents(gate().client, gate().lane, 20_000)).toEqual([]);

    chat.answer = () => ({ status: 200, body: 'ok' });
    await until('the chat has them', () => chat.taken.length >= EVENTS, 90_000);
    expect(chat.taken.map(({ body }) => /alarm number \d+;/.exec(body)?.[0])).toEqual(
      ids.map((_id, index) => why(index + 1)),
    );
    expect(told()).toEqual(ids);
  },
  240_000,
);
