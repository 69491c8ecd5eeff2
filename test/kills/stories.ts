import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { WorkflowHandle } from '@temporalio/client';
import { expect } from 'vitest';
import { rollbackId } from '../../src/contract/ids.js';
import { parseSha } from '../../src/contract/sha.js';
import { parseAddTenantInput } from '../../src/domain/inputs.js';
import { startAddition } from '../../src/temporal/records/additions.js';
import { awaitRunEnd, findRun, sendDecision } from '../../src/temporal/runs.js';
import { startControlPlane } from '../../testbed/control-plane.js';
import type { MemoryRegistry } from '../../testbed/memory-registry.js';
import { ociError } from '../../testbed/registry-store.js';
import { startTenant, type Tenant } from '../../testbed/tenant.js';
import { ada, statusOf } from '../support/decisions.js';
import { type Gate, TOKEN } from '../support/gate.js';
import { promoted } from '../support/lanes.js';
import { isPut } from '../support/latest.js';
import { newSha } from '../support/shas.js';
import { until } from '../support/until.js';

/** A run that is told again and again, with a kill at each of its events. */
export interface Story {
  /** What the gate needs beside its canary tenants. */
  setUp?(): Promise<Beside>;
  /** What must be true before it: builds, what is live. Runs with a worker. */
  prepare(gate: Gate, registry: MemoryRegistry, beside: Beside | undefined): Promise<Plot>;
  /** How it must end, without a kill and with each one. */
  expected: Ending;
}

/** How a story ended. */
export interface Ending {
  outcome: string;
  /**
   * `:latest` of each image: at the `target`, which is the build of the plot, or `as before`; of one that is elsewhere its digest. A word more
   * if the ledger has it elsewhere.
   */
  latest: string[];
  /** Writes of `:latest` that the registry took, by image. */
  writes: number[];
  /** What it left beside the gate. */
  left?: string;
}

/** A run that moved both images once. */
const moved = (outcome: string): Ending => ({ outcome, latest: ['target', 'target'], writes: [1, 1] });
/** A run that wrote nothing. */
const unmoved = (outcome: string): Ending => ({ outcome, latest: ['as before', 'as before'], writes: [0, 0] });

/** Servers beside a gate, with the settings that it knows them by. */
export interface Beside {
  env: Record<string, string>;
  /** All tenants of production run a build, healthy or not. */
  run?(sha: string, isSick: boolean): void;
  /** What a story has left there, in words. */
  left?(): string;
  stop(): Promise<void>;
}

async function startProduction(): Promise<Beside> {
  const folder = mkdtempSync(join(tmpdir(), 'canary-kills-fleet-'));
  const tenants = await Promise.all(['acme', 'globex'].map((name) => startTenant({ name, token: TOKEN })));
  const file = join(folder, 'production.json');
  writeFileSync(join(folder, 'token'), TOKEN);
  const listed = tenants.map(({ name, url }) => ({ name, url, token: { file: 'token' } }));
  writeFileSync(file, JSON.stringify({ tenants: listed }));
  return {
    env: { CANARY_PROD_FLEET_FILE: file, CANARY_AUTO_ROLLBACK: '2', CANARY_BAKE: '5m', CANARY_POLL: '300ms' },
    run: (sha, isSick) => {
      for (const tenant of tenants) tenant.run({ sha, ...(isSick && { misbehave: 'empty-subsystems' }) });
    },
    async stop() {
      await Promise.all(tenants.map((tenant) => tenant.stop()));
      rmSync(folder, { recursive: true });
    },
  };
}

/** A control plane that makes the tenant of an org, and a fleet file with one member. */
async function startAdding(): Promise<Beside> {
  const folder = mkdtempSync(join(tmpdir(), 'canary-kills-add-'));
  const file = join(folder, 'fleet.json');
  writeFileSync(file, JSON.stringify({ tenants: [{ url: 'https://first.example', token: { env: 'FIRST' } }] }));
  const tenants: Tenant[] = [];
  const controlPlane = await startControlPlane({
    adminToken: TOKEN,
    async instance(name) {
      const tenant = await startTenant({ name, token: TOKEN, build: { sha: newSha() } });
      tenants.push(tenant);
      return { url: tenant.url, token: TOKEN };
    },
  });
  return {
    env: {
      CANARY_TENANT_URLS: '',
      CANARY_ADMIN_TOKENS: '',
      CANARY_FLEET_FILE: file,
      FIRST: TOKEN,
      CANARY_CP_BASE_URL: controlPlane.url,
      CANARY_CP_ADMIN_TOKEN: TOKEN,
    },
    left() {
      const members = JSON.parse(readFileSync(file, 'utf8')).tenants.map(({ name }: { name: string }) => name);
      const orgs = [...controlPlane.orgs.values()].map((org) => `${org.slug} ${org.instance_status}`);
      return `orgs ${orgs}; instances started ${tenants.length}; members ${members.join(' and ')}`;
    },
    async stop() {
      await Promise.all([controlPlane, ...tenants].map((one) => one.stop()));
      rmSync(folder, { recursive: true });
    },
  };
}

export interface Plot {
  /** Digests of the build that the run is to move `:latest` to, or must not. */
  target: string[];
  /** Starts the run that is watched. */
  start(): Promise<WorkflowHandle>;
  /** What people do; called again and again until the run has ended. */
  act?(handle: WorkflowHandle): Promise<void>;
}

/** Starts the release of a new GREEN build. */
async function releases(gate: Gate, input: object = {}): Promise<Plot> {
  const { sha, digests } = await gate.greenBuild();
  return { target: digests, start: () => gate.release({ sha, ...input }) };
}

/** Sends a decision for the hold that is open, whichever it is. */
const decides = (gate: Gate, verb: 'approve' | 'abort') => async (handle: WorkflowHandle) => {
  const hold = (await statusOf(gate, handle))?.hold;
  if (hold) await sendDecision(gate.client, handle.workflowId, verb, { ...ada, hold: hold.id });
};

export const STORIES = {
  promoted: { prepare: (gate) => releases(gate), expected: moved('promoted') },
  rejected: {
    async prepare(gate) {
      const sha = newSha();
      const target = await gate.publish(sha);
      gate.deploy({ sha, misbehave: 'memory-search' });
      return { target, start: () => gate.release({ sha }) };
    },
    expected: unmoved('CanaryRejected'),
  },
  approved: {
    prepare: async (gate) => ({ ...(await releases(gate, { approval: 'required' })), act: decides(gate, 'approve') }),
    expected: moved('promoted'),
  },
  superseded: {
    async prepare(gate) {
      const { sha } = await gate.greenBuild();
      expect((await awaitRunEnd(await gate.release({ sha, sequence: 20 }))).report).toMatchObject({
        outcome: 'promoted',
      });
      return releases(gate, { sequence: 10 });
    },
    expected: unmoved('superseded'),
  },
  'rolled-back': {
    async prepare(gate) {
      const { sha, digests } = await promoted(gate);
      await promoted(gate);
      return {
        target: digests,
        start: () => gate.rollback({ sha, reason: 'search is slow', requestedBy: 'ada' }),
      };
    },
    expected: moved('rolled-back'),
  },
  /** Production turns red on the build that it took: the policy goes back. The run is the rollback that it begins. */
  'auto-rollback': {
    setUp: startProduction,
    async prepare(gate, _registry, production) {
      const good = await promoted(gate);
      const bad = await promoted(gate);
      production?.run?.(bad.sha, false);
      const workflowId = rollbackId(gate.lane, parseSha(good.sha));
      return {
        target: good.digests,
        async start() {
          production?.run?.(bad.sha, true);
          const { runId } = await until(`${workflowId} is there`, () => findRun(gate.client, workflowId));
          const handle = gate.client.workflow.getHandle(workflowId, runId);
          return gate.keep(Object.assign(handle, { firstExecutionRunId: runId }));
        },
      };
    },
    expected: moved('rolled-back'),
  },
  /** The second image cannot be written: the first one is restored, the release is held, and a person aborts it. */
  restored: {
    async prepare(gate, registry) {
      registry.faults.add({
        match: isPut(gate.repositories[1]),
        respond: () => ociError(403, 'DENIED', 'no right to push'),
      });
      return { ...(await releases(gate)), act: decides(gate, 'abort') };
    },
    // The first image was written, and written back.
    expected: { ...unmoved('CanaryAborted'), writes: [2, 0] },
  },
  /** The control plane makes the tenant, which is tested and becomes a member: all of it once. */
  'tenant-added': {
    setUp: startAdding,
    prepare: async (gate) => ({
      target: [],
      async start() {
        const input = parseAddTenantInput({ slug: 'canary-2', requestedBy: 'ada' });
        const { handle } = await startAddition(gate.client, gate.lane, input);
        const { runId } = await handle.describe();
        return gate.keep(Object.assign(handle, { firstExecutionRunId: runId }));
      },
    }),
    expected: {
      ...unmoved('added'),
      left: 'orgs canary-2 running; instances started 1; members canary-1 and canary-2',
    },
  },
} satisfies Record<string, Story>;

export type StoryName = keyof typeof STORIES;
