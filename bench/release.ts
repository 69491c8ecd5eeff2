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

/** A gate around a fleet, all of it real: Temporal's dev server, a registry, a worker with a move's usual waits. */
type Bed = Awaited<ReturnType<typeof makeBed>>;

/** What a release costs beyond what it has to wait for, what it leaves in the history, and how soon a soak begins. */
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
    const text =
      `Releases of builds that every tenant runs already, with \`CANARY_SOAK\`, \`CANARY_UPDATE_CYCLE\` and \`CANARY_SOAK_PROBE\` at 0, so that nothing has to be waited for: ` +
      `from the start to the result, median in ms of ${RUNS} after one to warm up (the worst). The registry's time for both images (registry ${tool('registry')?.version ?? 'in memory'}) and the tenants' (in a process of their own) are in it. ` +
      `Wanted: 1 s at most, and 120 events, with three tenants. ` +
      `Events are those of \`CanaryRelease\`; ${costs[0]?.moverEvents} more are \`MoveLatest\`'s, however large the fleet. ${growth(costs)}\n\n` +
      `${table(['tenants', 'release, ms', 'events', 'history, KiB'], rows)}\n\n` +
      `From the moment the last of three tenants reports the build to the start of the soak's timer in the history: ` +
      `median ${delaysMs[0]} ms, p95 ${delaysMs[1]} ms, at most ${delaysMs[2]} ms, with \`CANARY_POLL=1s\`. ` +
      `Wanted: half the interval + 0.2 s, and one + 0.3 s. ${SAMPLES} releases, the moments spread evenly over the interval, in random order.`;
    writeSection('release', text);
    console.log(text);
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
    /** Pushes the next build; its sha. */
    publish: async (): Promise<string> => {
      builds += 1;
      const sha = `${builds.toString(16).padStart(7, '0')}${'b'.repeat(33)}`;
      const tag = `staging-${sha.slice(0, 7)}`;
      await Promise.all(
        NAMES.map(async (repository) => {
          const spec = { registry: registry.host, repository, sha };
          await pushBuild({ ...spec, tag });
          // The very first promotion asks a human.
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

/** As `canary setup` does on the first day: a lane that does not know where `:latest` should be promotes nothing by itself. */
async function adoptLatest(client: Client, host: string): Promise<void> {
  const registry = createRegistry();
  const repositories = NAMES.map((name) => parseRepository(`${host}/${name}`));
  const { images } = await readLatest(registry, repositories);
  await laneClient(client, parseLane('')).signal(laneCommandSignal('adopt'), {
    by: 'the bench',
    reason: 'first day',
    images,
  });
  await registry.close();
}

/** Runs `work` with a worker and a fleet of its own. */
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
    CANARY_UPDATE_CYCLE: '0',
    CANARY_SOAK_PROBE: '0',
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
    // The first one warms up.
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
  return `Each tenant adds 3 for its smoke, and ${(perTenant - 3).toFixed(2)} for workflow tasks, which answers share.`;
}

/** In milliseconds, one for each release. */
function delaysToSoak(bed: Bed): Promise<number[]> {
  return withGate(bed, 3, { CANARY_SOAK: '1ms' }, async (fleet) => {
    const delays: number[] = [];
    for (const part of shuffled(SAMPLES)) {
      const sha = await bed.publish();
      const deployed = fleet.deploy({ sha, lastAfterMs: part * POLL_MS });
      const handle = await start(bed, sha);
      await requirePromoted(handle);
      const { events } = await handle.fetchHistory();
      const soak = events?.find(({ timerStartedEventAttributes }) => timerStartedEventAttributes)?.eventTime;
      delays.push(Number(soak?.seconds) * 1_000 + (soak?.nanos ?? 0) / 1e6 - (await deployed));
    }
    return delays;
  });
}

/** Each n-th part of an interval once, at a random place in it, in random order: as random moments, with less luck in their median. */
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
  if (end.report?.outcome !== 'promoted') throw new Error(`the bench is wrong: ${JSON.stringify(end)}`);
}
