import { DefaultLogger, Runtime } from '@temporalio/worker';
import { tool } from '../testbed/tools.js';
import { excess, formula, GROWTH, requireWithin } from './growth.js';
import { type Bed, makeBed, requirePromoted, start, withGate } from './release-bed.js';
import { median, quantile, table, writeSection } from './report.js';

const TENANTS = [1, 3, 10, 100, 500];
const RUNS = 5;
const SAMPLES = 50;
const POLL_MS = 1_000;
const QUICK = { CANARY_UPDATE_CYCLE: '0', CANARY_SOAK_PROBE: '1s', CANARY_POLL: `${POLL_MS}ms` };

/** Measures the cost of a release apart from its waits, its history, and how soon a soak starts. */
export async function benchRelease(): Promise<void> {
  Runtime.install({ logger: new DefaultLogger('ERROR') });
  const bed = await makeBed();
  try {
    const costs: Cost[] = [];
    for (const tenants of TENANTS) costs.push(await costOf(bed, tenants));
    const delays = await delaysToSoak(bed);
    const rows = costs.map(({ tenants, ms, events, bytes }) => [
      `${tenants}`,
      `${Math.round(median(ms))} (${Math.round(Math.max(...ms))})`,
      `${median(events)} (${Math.max(...events)})`,
      `${Math.round(median(bytes) / 1024)}`,
    ]);
    const delaysMs = [median(delays), quantile(delays, 0.95), Math.max(...delays)].map(Math.round);
    const paragraphs = [
      'Releases of builds that every tenant runs already, with `CANARY_SOAK`, `CANARY_UPDATE_CYCLE` and `CANARY_SOAK_PROBE` at 0, so that nothing waits. ' +
        `The time is from start to result: the median in ms of ${RUNS} after one warm-up run (the worst). ` +
        `It includes the registry's time for both images (registry ${tool('registry')?.version ?? 'in memory'}) and the time of the tenants (in their own process). ` +
        'Target with three tenants: at most 1 s and 120 events. ' +
        `The events are those of \`CanaryRelease\`; \`MoveLatest\` adds ${costs[0]?.moverEvents}, independent of the fleet. ${growth(costs)} Exit 1 if one exceeds its formula: ${formula(GROWTH.events)}; ${formula(GROWTH.historyKib)}.`,
      table(['tenants', 'release, ms', 'events', 'history, KiB'], rows),
      'From the moment that the last of three tenants reports the build to the start of the soak in the history: ' +
        `median ${delaysMs[0]} ms, p95 ${delaysMs[1]} ms, at most ${delaysMs[2]} ms, with \`CANARY_POLL=1s\`. ` +
        `Target: half the interval + 0.2 s, and one interval + 0.3 s. ${SAMPLES} releases; the moments are spread evenly over the interval, in random order.`,
    ];
    writeSection('release', paragraphs);
    console.log(paragraphs.join('\n\n'));
    const most = (valuesOf: (cost: Cost) => number[]) =>
      costs.map((cost) => ({ count: cost.tenants, value: Math.max(...valuesOf(cost)) }));
    requireWithin([
      ...excess(
        GROWTH.events,
        most(({ events }) => events),
      ),
      ...excess(
        GROWTH.historyKib,
        most(({ bytes }) => bytes.map((one) => one / 1024)),
      ),
    ]);
  } finally {
    await bed.stop();
  }
}

interface Cost {
  tenants: number;
  ms: number[];
  events: number[];
  bytes: number[];
  moverEvents: number;
}

function costOf(bed: Bed, tenants: number): Promise<Cost> {
  return withGate(bed, tenants, { ...QUICK, CANARY_SOAK: '0' }, async (fleet) => {
    const cost: Cost = { tenants, ms: [], events: [], bytes: [], moverEvents: 0 };
    // The first run is a warm-up.
    for (let run = 0; run <= RUNS; run += 1) {
      const sha = await bed.publish();
      await fleet.deploy({ sha });
      const began = performance.now();
      const handle = await start(bed, sha);
      await requirePromoted(handle);
      const ms = performance.now() - began;
      if (run === 0) continue;
      const { historyLength, historySize = 0 } = await handle.describe();
      cost.ms.push(ms);
      cost.events.push(historyLength);
      cost.bytes.push(historySize);
    }
    cost.moverEvents = (await bed.client.workflow.getHandle('move-latest').describe()).historyLength;
    console.log(tenants, cost.ms.map(Math.round), cost.events);
    return cost;
  });
}

function growth(costs: Cost[]): string {
  const [one, most] = [costs[0], costs.at(-1)];
  if (!one || !most) return '';
  const perTenant = (median(most.events) - median(one.events)) / (most.tenants - one.tenants);
  return `Each tenant adds 3 events for its smoke, and ${(perTenant - 3).toFixed(2)} for workflow tasks, which answers share.`;
}

/** Delays in milliseconds, one for each release. */
function delaysToSoak(bed: Bed): Promise<number[]> {
  return withGate(bed, 3, { ...QUICK, CANARY_SOAK: '1ms' }, async (fleet) => {
    const delays: number[] = [];
    for (const part of shuffled(SAMPLES)) {
      const sha = await bed.publish();
      const deployed = fleet.deploy({ sha, lastAfterMs: part * POLL_MS });
      const handle = await start(bed, sha);
      await requirePromoted(handle);
      const { events } = await handle.fetchHistory();
      const soak = events?.find(
        ({ activityTaskScheduledEventAttributes: of }) => of?.activityType?.name === 'watchFleet',
      )?.eventTime;
      delays.push(Number(soak?.seconds) * 1_000 + (soak?.nanos ?? 0) / 1e6 - (await deployed));
    }
    return delays;
  });
}

/** A random moment in each n-th part of an interval, in random order: their median varies less than that of random moments. */
function shuffled(count: number): number[] {
  const parts = Array.from({ length: count }, (_, index) => ({
    part: (index + Math.random()) / count,
    at: Math.random(),
  }));
  return parts.sort((a, b) => a.at - b.at).map(({ part }) => part);
}
