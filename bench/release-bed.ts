import { Client, Connection, type WorkflowHandleWithFirstExecutionRunId } from '@temporalio/client';
import { NativeConnection } from '@temporalio/worker';
import { loadGateConfig } from '../src/config/load.js';
import { parseLane } from '../src/contract/ids.js';
import { parseRepository } from '../src/contract/image.js';
import { laneCommandSignal } from '../src/contract/messages.js';
import type { ReleaseInput } from '../src/contract/release.js';
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
import { bundleWorkflows } from '../workers/bundle.js';
import { createWorker } from '../workers/create-worker.js';
import { type FleetProcess, startFleet, TOKEN } from './fleet-process.js';

const NAMES = ['molecule-ai/platform', 'molecule-ai/platform-tenant'];

/** Real servers for a gate: Temporal's dev server and a registry. The waits of a move are the usual ones. */
export type Bed = Awaited<ReturnType<typeof makeBed>>;

/** Starts the servers. */
export async function makeBed() {
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
export async function withGate<T>(
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

/** Starts a release. */
export const start = ({ client }: Bed, sha: string, more: Partial<ReleaseInput> = {}) =>
  startRelease(client, parseLane(''), parseReleaseInput({ ...more, sha }));

/** Waits for the end of a release, which must be a promotion. */
export async function requirePromoted(handle: WorkflowHandleWithFirstExecutionRunId): Promise<void> {
  const end = await awaitRunEnd(handle);
  if (end.report?.outcome !== 'promoted')
    throw new Error(`invalid measurement: expected promoted, got ${JSON.stringify(end)}`);
}
