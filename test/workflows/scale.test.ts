import type { WorkflowHandle } from '@temporalio/client';
import { beforeAll, expect } from 'vitest';
import { fleetSeenSignal } from '../../src/contract/messages.js';
import { awaitRunEnd } from '../../src/temporal/runs.js';
import { type Gate, useGate, workflowBundle } from '../support/gate.js';
import { fullTest } from '../support/rows.js';
import { newSha } from '../support/shas.js';

/** Activities that one run starts at a time. */
const GROUP = 200;
const FEW = 3;
const MANY = 500;

const small = useGate('scale-few', () => ({ tenants: FEW, env: { CANARY_SOAK: '0' } }));
const large = useGate('scale-many', () => ({ tenants: MANY, env: { CANARY_SOAK: '0' } }));

let few: Counts;
let many: Counts;
beforeAll(async () => {
  few = await promote(small());
  many = await promote(large());
});

fullTest('the code of the workflows is loaded once for all runs of a worker', () => {
  expect(workflowBundle().code).toMatch(/preloadModules\(\) \{\s+__webpack_require__\([^)]+\.\/workflows\/index/);
});

fullTest('a release of three tenants is at most 110 events', () => {
  expect(few.all).toBeLessThanOrEqual(110);
});

fullTest(
  'each tenant adds the three events of its smoke and nothing else, workflow tasks and the delivery of events apart',
  () => {
    expect(few.smokes).toBe(3 * FEW);
    expect(many.smokes).toBe(3 * MANY);
    expect(many.others).toBe(few.others);
  },
);

fullTest('the answers of tenants share workflow tasks: no tenant adds more than one', () => {
  expect(many.all - few.all).toBeLessThanOrEqual(6 * (MANY - FEW));
});

fullTest('at most one group of smokes runs at a time, and a whole group does', () => {
  expect(many.mostAtOnce).toBe(GROUP);
});

interface Counts {
  all: number;
  /** Of the smoke's activities. */
  smokes: number;
  /** Of neither these, nor workflow tasks, nor the delivery of events, which depends on how long a phase takes. */
  others: number;
  mostAtOnce: number;
}

/** Takes a build that every tenant of the gate runs through to `:latest`, and counts what that left in the history. */
async function promote(gate: Gate): Promise<Counts> {
  await gate.begin(newSha());
  const sha = newSha();
  const digests = await gate.publish(sha);
  gate.deploy({ sha });
  const handle = await gate.release({ sha });
  expect((await awaitRunEnd(handle)).report).toMatchObject({ outcome: 'promoted' });
  expect(await gate.latest()).toEqual(digests);
  return count(handle);
}

async function count(handle: WorkflowHandle): Promise<Counts> {
  const { events } = await handle.fetchHistory();
  const counts: Counts = { all: 0, smokes: 0, others: 0, mostAtOnce: 0 };
  const smokes = new Set<string>();
  const deliveries = new Set<string>();
  let open = 0;
  for (const event of events ?? []) {
    const scheduled = event.activityTaskScheduledEventAttributes;
    const of = event.activityTaskStartedEventAttributes ?? event.activityTaskCompletedEventAttributes;
    if (scheduled?.activityType?.name === 'smokeTenant') {
      smokes.add(String(event.eventId));
      counts.mostAtOnce = Math.max(counts.mostAtOnce, ++open);
    }
    if (scheduled?.activityType?.name === 'publish' || event.timerStartedEventAttributes)
      deliveries.add(String(event.eventId));
    const started = event.timerFiredEventAttributes ?? event.timerCanceledEventAttributes;
    const isDelivery = deliveries.has(String(of?.scheduledEventId ?? started?.startedEventId ?? event.eventId));
    const isSmoke = smokes.has(String(of?.scheduledEventId ?? event.eventId));
    // What the watch saw arrives when it has changed, before its proof or with it.
    if (event.workflowExecutionSignaledEventAttributes?.signalName === fleetSeenSignal.name) {
      counts.all += 1;
      continue;
    }
    const isWorkflowTask = Object.keys(event).some(
      (key) => key.startsWith('workflowTask') && event[key as keyof typeof event],
    );
    if (isSmoke && event.activityTaskCompletedEventAttributes) open -= 1;
    counts.all += 1;
    if (isSmoke) counts.smokes += 1;
    else if (!isWorkflowTask && !isDelivery) counts.others += 1;
  }
  return counts;
}
