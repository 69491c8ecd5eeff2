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
  /** Whether each write is counted: a run that restores may have to write once more. */
  countsWrites: boolean;
}

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
  /** Starts the run that is watched. */
  start(): Promise<WorkflowHandle>;
  /** What people do; called again and again until the run has ended. */
  act?(handle: WorkflowHandle): Promise<void>;
}

/** Starts the release of a new GREEN build. */
const releases = (gate: Gate, input: object = {}): Plot => ({
  async start() {
    const { sha } = await gate.greenBuild();
    return gate.release({ sha, ...input });
  },
});

/** Sends a decision for the hold that is open, whichever it is. */
const decides = (gate: Gate, verb: 'approve' | 'abort') => async (handle: WorkflowHandle) => {
  const hold = (await statusOf(gate, handle))?.hold;
  if (hold) await sendDecision(gate.client, handle.workflowId, verb, { ...ada, hold: hold.id });
};

export const STORIES = {
  promoted: { prepare: async (gate) => releases(gate), countsWrites: true },
  rejected: {
    prepare: async (gate) => ({
      start: async () => {
        const sha = newSha();
        await gate.publish(sha);
        gate.deploy({ sha, misbehave: 'memory-search' });
        return gate.release({ sha });
      },
    }),
    countsWrites: true,
  },
  approved: {
    prepare: async (gate) => ({ ...releases(gate, { approval: 'required' }), act: decides(gate, 'approve') }),
    countsWrites: true,
  },
  superseded: {
    async prepare(gate) {
      const { sha } = await gate.greenBuild();
      expect((await awaitRunEnd(await gate.release({ sha, sequence: 20 }))).report).toMatchObject({
        outcome: 'promoted',
      });
      return releases(gate, { sequence: 10 });
    },
    countsWrites: true,
  },
  'rolled-back': {
    async prepare(gate) {
      const { sha } = await promoted(gate);
      await promoted(gate);
      return { start: () => gate.rollback({ sha, reason: 'search is slow', requestedBy: 'ada' }) };
    },
    countsWrites: true,
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
        async start() {
          production?.run?.(bad.sha, true);
          const { runId } = await until(`${workflowId} is there`, () => findRun(gate.client, workflowId));
          const handle = gate.client.workflow.getHandle(workflowId, runId);
          return gate.keep(Object.assign(handle, { firstExecutionRunId: runId }));
        },
      };
    },
    countsWrites: true,
  },
  /** The second image cannot be written: the first one is restored, the release is held, and a person aborts it. */
  restored: {
    async prepare(gate, registry) {
      registry.faults.add({
        match: isPut(gate.repositories[1]),
        respond: () => ociError(403, 'DENIED', 'no right to push'),
      });
      return { ...releases(gate), act: decides(gate, 'abort') };
    },
    countsWrites: true,
  },
  /** The control plane makes the tenant, which is tested and becomes a member: all of it once. */
  'tenant-added': {
    setUp: startAdding,
    prepare: async (gate) => ({
      async start() {
        const input = parseAddTenantInput({ slug: 'canary-2', requestedBy: 'ada' });
        const { handle } = await startAddition(gate.client, gate.lane, input);
        const { runId } = await handle.describe();
        return gate.keep(Object.assign(handle, { firstExecutionRunId: runId }));
      },
    }),
    countsWrites: true,
  },
} satisfies Record<string, Story>;

export type StoryName = keyof typeof STORIES;
