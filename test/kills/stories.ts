import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { WorkflowHandle } from '@temporalio/client';
import { expect } from 'vitest';
import { rollbackId } from '../../src/contract/ids.js';
import { parseSha } from '../../src/contract/sha.js';
import { awaitRunEnd, findRun, sendDecision } from '../../src/temporal/runs.js';
import type { MemoryRegistry } from '../../testbed/memory-registry.js';
import { ociError } from '../../testbed/registry-store.js';
import { startTenant } from '../../testbed/tenant.js';
import { ada, statusOf } from '../support/decisions.js';
import { type Gate, TOKEN } from '../support/gate.js';
import { promoted } from '../support/lanes.js';
import { isPut } from '../support/latest.js';
import { newSha } from '../support/shas.js';
import { until } from '../support/until.js';

/** A run that is told again and again, with a kill at each of its events. */
export interface Story {
  /** What the gate needs beside its canary tenants. */
  setUp?(): Promise<Production>;
  /** What must be true before it: builds, what is live. Runs with a worker. */
  prepare(gate: Gate, registry: MemoryRegistry, production: Production | undefined): Promise<Plot>;
  /** Whether each write is counted: a run that restores may have to write once more. */
  countsWrites: boolean;
}

/** Tenants of production, with the settings of a gate that watches them. */
export interface Production {
  env: Record<string, string>;
  /** All tenants run a build, healthy or not. */
  run(sha: string, isSick: boolean): void;
  stop(): Promise<void>;
}

async function startProduction(): Promise<Production> {
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
      production?.run(bad.sha, false);
      const workflowId = rollbackId(gate.lane, parseSha(good.sha));
      return {
        async start() {
          production?.run(bad.sha, true);
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
    countsWrites: false,
  },
} satisfies Record<string, Story>;

export type StoryName = keyof typeof STORIES;
