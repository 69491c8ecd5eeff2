import { Client, Connection, type WorkflowHandleWithFirstExecutionRunId } from '@temporalio/client';
import { DefaultLogger, NativeConnection, Runtime } from '@temporalio/worker';
import { loadGateConfig } from '../src/config/load.js';
import { parseLane } from '../src/contract/ids.js';
import { parseRepository } from '../src/contract/image.js';
import { laneCommandSignal } from '../src/contract/messages.js';
import { SEARCH_ATTRIBUTES } from '../src/contract/search-attributes.js';
import { parseReleaseInput } from '../src/domain/inputs.js';
import { readLatest } from '../src/registry/read-latest.js';
import { createRegistry } from '../src/registry/registry.js';
import { laneClient } from '../src/temporal/lane-client.js';
import { registerSearchAttributes } from '../src/temporal/namespace.js';
import { awaitRunEnd } from '../src/temporal/runs.js';
import { startRelease } from '../src/temporal/start.js';
import { pushBuild } from '../testbed/images.js';
import { startRegistry } from '../testbed/registry-server.js';
import { startTemporalServer } from '../testbed/temporal-server.js';
import { tool } from '../testbed/tools.js';
import { bundleWorkflows } from '../workers/bundle.js';
import { createWorker } from '../workers/create-worker.js';
import { type FleetProcess, startFleet, TOKEN } from './fleet-process.js';
import { median, quantile, table, writeSection } from './report.js';

const TENANTS = [1, 3, 10, 100, 500];
const RUNS = 5;
const SAMPLES = 50;
const POLL_MS = 1_000;
const NAMES = ['molecule-ai/platform', 'molecule-ai/platform-tenant'];

/** Real servers for a gate: Temporal's dev server and a registry. The waits of a move are the usual ones. */
type Bed = Awaited<ReturnType<typeof makeBed>>;

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
        `The events are those of \`CanaryRelease\`; \`MoveLatest\` adds ${costs[0]?.moverEvents}, independent of the fleet. ${growth(costs)}`,
      table(['tenants', 'release, ms', 'events', 'history, KiB'], rows),
      'From the moment that the last of three tenants reports the build to the start of the soak in the history: ' +
        `median ${delaysMs[0]} ms, p95 ${delaysMs[1]} ms, at most ${delaysMs[2]} ms, with \`CANARY_POLL=1s\`. ` +
        `Target: half the interval + 0.2 s, and one interval + 0.3 s. ${SAMPLES} releases; the moments are spread evenly over the interval, in random order.`,
    ];
    writeSection('release', paragraphs);
    console.log(paragraphs.join('\n\n'));
  } finally {
    await bed.stop();
  }
}

async function makeBed() {
  const [temporal, registry, workflowBundle] = await Promise.all([
    startTemporalServer(),
    startRegistry(),
    bundleWorkflows(),
  ]);
  const connection = await Connection.connect({ address: temporal.address });
  await registerSearchAttributes(connection, 'default', SEARCH_ATTRIBUTES);
  const client = new Client({ connection });
  let builds = 0;
  return {
    client,
    temporal,
    registry,
    workflowBundle,
    /** Pushes the next build, and returns its sha. */
    publish: async (): Promise<string> => {
      builds += 1;
      const sha = `${builds.toString(16).padStart(7, '0')}${'b'.repeat(33)}`;
      const tag = `staging-${sha.slice(0, 7)}`;
      await Promise.all(
        NAMES.map(async (repository) => {
          const spec = { registry: registry.host, repository, sha };
          await pushBuild({ ...spec, tag });
          // A first promotion, without a :latest, would wait for a person.
          if (builds === 1) await pushBuild({ ...spec, tag: 'latest', sha: sha.replaceAll('b', 'a') });
        }),
      );
      if (builds === 1) await adoptLatest(client, registry.host);
      return sha;
    },
    stop: async () => {
      await connection.close();
      await Promise.all([temporal.stop(), registry.stop()]);
    },
  };
}

/** Adopts `:latest` as `canary setup` does: without an expected latest the lane promotes nothing automatically. */
async function adoptLatest(client: Client, host: string): Promise<void> {
  const registry = createRegistry();
  const repositories = NAMES.map((name) => parseRepository(`${host}/${name}`));
  const { images } = await readLatest(registry, repositories);
  await laneClient(client, parseLane('')).signal(laneCommandSignal('adopt'), {
    by: 'bench',
    reason: 'initial adoption',
    images,
  });
  await registry.close();
}

/** Runs `work` with a separate worker and fleet. */
async function withGate<T>(
  { temporal, registry, workflowBundle }: Bed,
  tenants: number,
  env: Record<string, string>,
  work: (fleet: FleetProcess) => Promise<T>,
): Promise<T> {
  const fleet = await startFleet(tenants);
  const { config, suite } = await loadGateConfig({
    CANARY_IMAGES: NAMES.map((name) => `${registry.host}/${name}`).join(','),
    CANARY_TENANT_URLS: fleet.urls.join(','),
    CANARY_ADMIN_TOKENS: fleet.urls.map(() => TOKEN).join(','),
    CANARY_UNSAFE: 'true',
    CANARY_UPDATE_CYCLE: '0',
    CANARY_SOAK_PROBE: '1s',
    CANARY_POLL: `${POLL_MS}ms`,
    ...env,
  });
  const images = createRegistry({ push: true });
  const connection = await NativeConnection.connect({ address: temporal.address });
  const worker = await createWorker(
    { connection, namespace: 'default' },
    { config, suite, registry: images, workflowBundle },
  );
  const running = worker.run();
  try {
    return await work(fleet);
  } finally {
    worker.shutdown();
    await running;
    await connection.close();
    await images.close();
    fleet.stop();
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
  return withGate(bed, tenants, { CANARY_SOAK: '0' }, async (fleet) => {
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
  return withGate(bed, 3, { CANARY_SOAK: '1ms' }, async (fleet) => {
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

const start = ({ client }: Bed, sha: string) => startRelease(client, parseLane(''), parseReleaseInput({ sha }));

async function requirePromoted(handle: WorkflowHandleWithFirstExecutionRunId): Promise<void> {
  const end = await awaitRunEnd(handle);
  if (end.report?.outcome !== 'promoted')
    throw new Error(`invalid measurement: expected promoted, got ${JSON.stringify(end)}`);
}
