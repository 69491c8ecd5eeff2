import { readFileSync } from 'node:fs';
import { Client, Connection, type WorkflowHandle } from '@temporalio/client';
import { DefaultLogger, type LogEntry, NativeConnection, Runtime } from '@temporalio/worker';
import { afterAll, beforeAll, expect, inject } from 'vitest';
import { loadGateConfig } from '../../src/config/load.js';
import { type Lane, parseLane, releaseId, taskQueue } from '../../src/contract/ids.js';
import { type Digest, parseRepository } from '../../src/contract/image.js';
import { type LaneCommand, laneCommandUpdate } from '../../src/contract/messages.js';
import type { TagState } from '../../src/contract/move.js';
import type { ReleaseInput, RollbackInput } from '../../src/contract/release.js';
import { parseSha } from '../../src/contract/sha.js';
import { parseReleaseInput, parseRollbackInput } from '../../src/domain/inputs.js';
import { metrics } from '../../src/metrics/metrics.js';
import type { MoveWaits } from '../../src/move/waits.js';
import { createRegistry } from '../../src/registry/registry.js';
import { type LaneClient, LaneRefused, laneClient } from '../../src/temporal/lane-client.js';
import { payloadCodec } from '../../src/temporal/payloads/codec.js';
import type { PayloadKeys } from '../../src/temporal/payloads/keys.js';
import { queryStatus } from '../../src/temporal/runs.js';
import { startRelease, startRollback } from '../../src/temporal/start.js';
import { type BuildSpec, pushBuild, retag, tagDigest } from '../../testbed/images.js';
import { startTenant, type Tenant, type TenantBuild } from '../../testbed/tenant.js';
import { createWorker, type GateParts, type GateWorker } from '../../workers/create-worker.js';
import { onFreePort } from '../../workers/free-port.js';
import { type FoundRun, type Run, replayAll } from './replay.js';
import { temporalAddress } from './servers.js';
import { newSha } from './shas.js';

export interface GateOptions {
  tenants?: number;
  env?: Record<string, string>;
  /** `host:port` of the registry; the shared one if left out. */
  registry?: string;
  /** `host:port` of the Temporal server; the shared one if left out. */
  temporal?: string;
  /** `host:port` at which the worker reaches that server, if it is another one. */
  workerTemporal?: string;
  wrapAuthorizer?: GateParts['wrapAuthorizer'];
  /** Lane client; that of the lane workflow if left out. */
  laneClient?: LaneClient;
  /** Keys that encrypt the payloads of its worker and client. */
  payloadKeys?: PayloadKeys;
  /** Waits of a move, shortened. */
  waits?: Partial<MoveWaits>;
  /** Whether the test starts the first worker itself. */
  isIdle?: boolean;
  /** Where the spans of its worker go. */
  spans?: GateParts['spans'];
  /** Most waits of its worker at a time. */
  maxWaits?: number;
  /** Retry budgets for transient faults, in milliseconds. */
  retryBudgetMs?: { registry: number; secret: number; smoke: number };
}

/** Waits of a move for most tests: seconds in place of minutes. */
export const SHORT_WAITS: Partial<MoveWaits> = {
  verifyMs: 2_000,
  surpriseMs: 300,
  recentMs: 0,
  steadyMs: 1_000,
  pollMs: 50,
  maxPauseMs: 500,
  splitMs: 2_000,
  promoteMs: 3_000,
  rollBackMs: 6_000,
  restoreMs: 2_000,
};

export const TOKEN = 'admin-token-of-the-tests';

/** Log entries of the workers of this test file. */
export const logged: LogEntry[] = [];
/** Number of open gates. A process runs one file after another: the log is cleared with the last gate of a file. */
let openGates = 0;

/** A complete gate: a lane with its worker, its images in the registry, and its tenants. */
export class Gate {
  readonly repositories: string[];
  readonly #runs: Run[] = [];
  #replayed = false;
  #worker: GateWorker | undefined;
  #running: Promise<void> = Promise.resolve();

  private constructor(
    readonly lane: Lane,
    readonly client: Client,
    readonly connection: NativeConnection,
    readonly tenants: Tenant[],
    /** `host:port` of the registry. */
    readonly host: string,
    readonly env: Record<string, string>,
    readonly waits: Partial<MoveWaits>,
    readonly retryBudgetMs: { registry: number; secret: number; smoke: number },
    readonly wrapAuthorizer: GateParts['wrapAuthorizer'],
    readonly laneClient: LaneClient,
    readonly payloadKeys: PayloadKeys | null,
    readonly spans: GateParts['spans'],
    readonly maxWaits: number | undefined,
  ) {
    this.repositories = [`${lane}/platform`, `${lane}/platform-tenant`];
  }

  static async open(name: string, options: GateOptions = {}): Promise<Gate> {
    if (openGates++ === 0) logged.length = 0;
    await installRuntime();
    const lane = parseLane(name);
    const host = options.registry ?? inject('registry').host;
    const tenants = await Promise.all(
      Array.from({ length: options.tenants ?? 2 }, (_, index) =>
        startTenant({ name: `canary-${index + 1}`, token: TOKEN }),
      ),
    );
    const env = {
      CANARY_LANE: lane,
      CANARY_IMAGES: `${host}/${lane}/platform,${host}/${lane}/platform-tenant`,
      CANARY_TENANT_URLS: tenants.map((tenant) => tenant.url).join(','),
      CANARY_ADMIN_TOKENS: tenants.map(() => TOKEN).join(','),
      CANARY_UNSAFE: 'true',
      CANARY_SOAK: '100ms',
      CANARY_UPDATE_CYCLE: '0',
      CANARY_POLL: '50ms',
      CANARY_UPDATE_TIMEOUT: '20s',
      CANARY_SOAK_PROBE: '10s',
      CANARY_BAKE: '500ms',
      CANARY_RESTART_GRACE: '1s',
      CANARY_HOLD_TIMEOUT: '300ms',
      ...options.env,
    };
    const address = options.temporal ?? temporalAddress();
    const connection = await NativeConnection.connect({ address: options.workerTemporal ?? address });
    const payloadCodecs = [payloadCodec(options.payloadKeys ?? null, 'throw')];
    const client = new Client({ connection: await Connection.connect({ address }), dataConverter: { payloadCodecs } });
    const gate = new Gate(
      lane,
      client,
      connection,
      tenants,
      host,
      env,
      { ...SHORT_WAITS, ...options.waits },
      options.retryBudgetMs ?? { registry: 60_000, secret: 60_000, smoke: 30_000 },
      options.wrapAuthorizer,
      options.laneClient ?? laneClient(client, lane),
      options.payloadKeys ?? null,
      options.spans ?? null,
      options.maxWaits,
    );
    if (!options.isIdle) await gate.startWorker();
    return gate;
  }

  /** Starts a worker, with the environment and the payload keys of the gate unless others are given. */
  async startWorker(env = this.env, payloadKeys = this.payloadKeys): Promise<void> {
    const temporal = { connection: this.connection, namespace: 'default' };
    const { config, suite } = await loadGateConfig(env);
    const registry = createRegistry({ push: true, latest: config.promoteTag });
    this.#worker = await createWorker(temporal, {
      config,
      suite,
      registry,
      workflowBundle: workflowBundle(),
      waits: this.waits,
      retryBudgetMs: this.retryBudgetMs,
      lane: this.laneClient,
      payloadKeys,
      spans: this.spans ?? null,
      ...(this.maxWaits !== undefined && { maxWaits: this.maxWaits }),
      ...(this.wrapAuthorizer && { wrapAuthorizer: this.wrapAuthorizer }),
    });
    this.#running = this.#worker.run();
  }

  async stopWorker(): Promise<void> {
    this.#worker?.shutdown();
    await this.#running;
  }

  /** Pushes both images of a build under one tag, by default `:staging-<sha7>`; returns their digests. */
  publish(sha: string, other: Partial<BuildSpec> = {}): Promise<string[]> {
    return Promise.all(
      this.repositories.map(async (repository) => {
        const spec = { registry: this.host, repository, sha, tag: `staging-${sha.slice(0, 7)}`, ...other };
        return (await pushBuild(spec)).digest;
      }),
    );
  }

  /** Creates the initial state: an earlier build, published and at `:latest`. */
  async begin(sha: string): Promise<string[]> {
    const digests = await this.publish(sha);
    await this.setLatest(sha);
    return digests;
  }

  /** Points `:latest` of both images at a published build, as a person with crane would. */
  async setLatest(sha: string): Promise<void> {
    await this.retag(sha, 'latest');
    await this.adopt(sha);
  }

  /** Adopts `:latest` as it is, and lifts the hold of the lane. */
  async adopt(sha?: string): Promise<void> {
    await this.adoptAlone(sha);
    await this.sendToLane('unhold', { by: 'the test', reason: 'as it should be' });
  }

  /** Adopts `:latest` as it is, and nothing else. */
  async adoptAlone(sha?: string): Promise<void> {
    const images = await this.latestImages();
    await this.sendToLane('adopt', { by: 'the test', reason: 'as it should be', images, ...(sha && { sha }) });
  }

  /** Where `:latest` of each image stands, as an adoption names it. */
  async latestImages(): Promise<TagState[]> {
    const latest = await this.latest();
    return this.repositories.map((name, index) => ({
      repository: parseRepository(`${this.host}/${name}`),
      digest: (latest[index] ?? null) as Digest | null,
    }));
  }

  /** Sends an update to the lane, with retries while a loaded machine does not answer in time. */
  async sendToLane(command: LaneCommand, sent: object): Promise<void> {
    for (let tries = 1; ; tries += 1)
      try {
        await this.laneClient.update(laneCommandUpdate(command), sent);
        return;
      } catch (error) {
        if (error instanceof LaneRefused || tries === 5) throw error;
      }
  }

  /** Points a tag of both images at a published build. */
  async retag(sha: string, to: string): Promise<void> {
    for (const repository of this.repositories)
      await retag({ registry: this.host, repository, from: `staging-${sha.slice(0, 7)}`, to });
  }

  /** Digests of `:latest` of both images, as the registry reports them. */
  latest(): Promise<(string | undefined)[]> {
    return Promise.all(this.repositories.map((repository) => tagDigest(this.host, repository, 'latest')));
  }

  /** Sets the build of every tenant. */
  deploy(build: TenantBuild): void {
    for (const tenant of this.tenants) tenant.run(build);
  }

  /** Creates a build that is published, runs on every tenant, and passes. */
  async greenBuild(): Promise<{ sha: string; digests: string[] }> {
    const sha = newSha();
    const digests = await this.publish(sha);
    this.deploy({ sha });
    return { sha, digests };
  }

  async release(input: Omit<ReleaseInput, 'sha'> & { sha: string }) {
    return this.keep(await startRelease(this.client, this.lane, parseReleaseInput(input)));
  }

  async rollback(input: Omit<RollbackInput, 'sha'> & { sha: string }) {
    return this.keep(await startRollback(this.client, this.lane, parseRollbackInput(input)));
  }

  /** Phase of a run, by its query. */
  async phase(handle: WorkflowHandle): Promise<string | undefined> {
    return (await queryStatus(this.client, handle.workflowId))?.phase;
  }

  /** Phase of the release of a build. */
  async phaseOf(sha: string): Promise<string | undefined> {
    return (await queryStatus(this.client, releaseId(this.lane, parseSha(sha))))?.phase;
  }

  /** Registers a run of this test: it must be closed at the end. */
  keep<T extends WorkflowHandle>(handle: T & { firstExecutionRunId: string }): T & { firstExecutionRunId: string } {
    this.#runs.push({ workflowId: handle.workflowId, runId: handle.firstExecutionRunId });
    return handle;
  }

  /** Metrics of the workers of this process, in the Prometheus format. */
  async metrics(): Promise<string> {
    return (await (await fetch(`http://${await installRuntime()}/metrics`)).text()) + metrics.render();
  }

  /** Leaves out the replay at the end: for runs of workflow code that is another one on purpose. */
  leaveUnreplayed(): void {
    this.#replayed = true;
  }

  /** Replays every run so far; for a test that stops its server. */
  async replay(): Promise<FoundRun[]> {
    this.#replayed = true;
    const payloadCodecs = [payloadCodec(this.payloadKeys, 'keep')];
    return replayAll(this.client, workflowBundle(), {
      kept: this.#runs,
      taskQueue: taskQueue(this.lane),
      payloadCodecs,
    });
  }

  /** Stops everything, replays every run, and fails on a request that no tenant implements. */
  async close(): Promise<void> {
    openGates -= 1;
    await this.stopWorker();
    await Promise.all(this.tenants.map((tenant) => tenant.stop()));
    if (!this.#replayed) await this.replay();
    await this.connection.close();
    await this.client.connection.close();
    for (const tenant of this.tenants) expect(tenant.unforeseen).toEqual([]);
  }
}

/** Opens a gate for all tests of a file. */
export function useGate(name: string, options: () => GateOptions | Promise<GateOptions> = () => ({})): () => Gate {
  let gate: Gate | undefined;
  beforeAll(async () => {
    gate = await Gate.open(name, await options());
  });
  afterAll(() => gate?.close());
  return () => {
    if (!gate) throw new Error('the gate is open inside tests only');
    return gate;
  };
}

let installing: Promise<string> | undefined;

/** Installs the runtime; returns the address of its metrics. Between two files it is idle, ends, and begins again on the port that it had, which may be taken by then. */
export async function installRuntime(): Promise<string> {
  installing ??= install();
  await installing;
  try {
    Runtime.instance();
  } catch {
    installing = install();
  }
  return installing;
}

function install(): Promise<string> {
  return onFreePort((bindAddress) =>
    Runtime.install({
      logger: new DefaultLogger('INFO', (entry) => void logged.push(entry)),
      telemetryOptions: {
        logging: { filter: { core: 'ERROR', other: 'ERROR' }, forward: {} },
        metrics: { prometheus: { bindAddress, countersTotalSuffix: true } },
      },
      shutdownSignals: [],
    }),
  );
}

export function workflowBundle(): { code: string } {
  return { code: readFileSync(inject('bundle'), 'utf8') };
}
