import { randomUUID } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect } from 'vitest';
import type { DeliveryOrder } from '../../src/contract/events.js';
import { checkDriftId, deliverEventsId, taskQueue, WORKFLOWS, watchProductionId } from '../../src/contract/ids.js';
import { deliverEventSignal } from '../../src/contract/messages.js';
import type { Drift } from '../../src/contract/move.js';
import { parseSha } from '../../src/contract/sha.js';
import { parseAddTenantInput } from '../../src/domain/inputs.js';
import { awaitAddition, startAddition } from '../../src/temporal/records/additions.js';
import { startControlPlane } from '../../testbed/control-plane.js';
import type { MemoryRegistry } from '../../testbed/memory-registry.js';
import { startSinkServer } from '../../testbed/sink-server.js';
import { startTenant, type Tenant } from '../../testbed/tenant.js';
import { type Gate, useGate } from './gate.js';
import { startLane } from './lanes.js';
import { latch } from './latch.js';
import { isRead } from './latest.js';
import { delayRequests } from './phases.js';
import { startProduction } from './production.js';
import type { Run } from './resets.js';
import { newSha } from './shas.js';
import { told } from './stopped.js';
import { until } from './until.js';

const ADMIN = 'hush-admin';
/** Build of production before. */
const BEFORE = newSha();

/** An open run in one of its phases, which it does not leave until `goOn`. */
export interface Scene {
  gate: Gate;
  run: Run;
  /** Activity that is open in this phase. */
  step?: string;
  /** Lets it go on, and expects its right end. */
  goOn(): Promise<void>;
  /** After a cancel or a terminate: what people see of it, and that it can be begun again. */
  again?(how: 'was cancelled' | 'was terminated'): Promise<void>;
}

/** The latest run with this id. */
export const runOf = async (gate: Gate, workflowId: string): Promise<Run> => {
  const { runId } = await until(`${workflowId} runs`, () =>
    gate.client.workflow
      .getHandle(workflowId)
      .describe()
      .catch(() => null),
  );
  return Object.assign(gate.client.workflow.getHandle(workflowId, runId), { firstExecutionRunId: runId });
};

/** Opens a gate with production, a control plane and a webhook, and gives the scenes of what runs beside its releases. */
export async function scenesBeside(registry: MemoryRegistry) {
  const folder = mkdtempSync(join(tmpdir(), 'canary-states-'));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  /** What stands beside releases: watches, checks, deliveries, additions. */
  const fleet = join(folder, 'fleet.json');
  writeFileSync(fleet, JSON.stringify({ tenants: [{ url: 'https://first.example', token: { env: 'FIRST' } }] }));
  const members = () => JSON.parse(readFileSync(fleet, 'utf8')).tenants.map(({ name }: { name?: string }) => name);
  const hook = await startSinkServer();
  afterAll(() => hook.stop());
  let production: Tenant[] = [];
  const added: Tenant[] = [];
  /** Until it is opened, an instance that is provisioned does not run. */
  let instance = latch();
  const controlPlane = await startControlPlane({
    adminToken: ADMIN,
    async instance(slug) {
      await instance.opened;
      const tenant = await startTenant({ name: slug, token: `hush-${slug}`, build: { sha: newSha() } });
      added.push(tenant);
      return { url: tenant.url, token: `hush-${slug}` };
    },
  });
  afterAll(async () => {
    instance.open();
    await controlPlane.stop();
    for (const tenant of added) await tenant.stop();
  });
  const others = useGate('states-beside', async () => {
    const { tenants, file } = await startProduction(['acme']);
    production = tenants;
    return {
      registry: registry.host,
      tenants: 0,
      env: {
        CANARY_TENANT_URLS: '',
        CANARY_ADMIN_TOKENS: '',
        CANARY_FLEET_FILE: fleet,
        FIRST: 'hush-first',
        CANARY_CP_BASE_URL: controlPlane.url,
        CANARY_CP_ADMIN_TOKEN: ADMIN,
        CANARY_PROD_FLEET_FILE: file,
        CANARY_UPDATE_CYCLE: '60s',
        CANARY_POLL: '200ms',
        CANARY_WEBHOOK_URL: `${hook.url}/events`,
        CANARY_WEBHOOK_SECRET: `whsec_${Buffer.alloc(32, 7).toString('base64')}`,
        // The events of this test alone.
        CANARY_WEBHOOK_EVENTS: 'superseded',
      },
    };
  });

  /** A watch over production that waits for the tenant to take the build. */
  async function watch(): Promise<Scene> {
    const gate = others();
    const sha = newSha();
    await gate.begin(sha);
    for (const tenant of production) tenant.run({ sha: BEFORE });
    const start = () =>
      gate.client.workflow.start(WORKFLOWS.watch, {
        workflowId: watchProductionId(gate.lane, parseSha(sha)),
        taskQueue: taskQueue(gate.lane),
        args: [{ sha }],
      });
    const handle = gate.keep(await start());
    const { workflowId } = handle;
    await until('it watches', async () =>
      (await handle.describe()).raw.pendingActivities?.some(
        ({ activityType }) => activityType?.name === 'watchProduction',
      ),
    );
    const followed = async () => {
      for (const tenant of production) tenant.run({ sha });
      expect(await gate.client.workflow.getHandle(workflowId).result()).toMatchObject({ outcome: 'followed' });
    };
    return {
      gate,
      run: handle,
      step: 'watchProduction',
      goOn: followed,
      async again(how) {
        const { status, doctor } = await told(gate);
        const what = `${workflowId} ${how} before its end, so production is no longer watched`;
        const fix = `temporal workflow start --type WatchProduction --task-queue ${taskQueue(gate.lane)} --workflow-id ${workflowId} --input '{"sha":"${sha}"}' # it only looks: no automatic rollback, no delivery`;
        expect(status).toContain(`STOPPED  ${what}`);
        expect(status[status.indexOf(`STOPPED  ${what}`) + 1]?.trim()).toBe(fix);
        expect(status.join('\n')).toContain(`production: not watched to its end: ${workflowId} ${how}`);
        expect(doctor).toContain(`WARNING  runs      ${what} (fix: ${fix})`);
        gate.keep(await start());
        expect((await told(gate)).status.join('\n')).not.toContain('is no longer watched');
        await followed();
      },
    };
  }

  /** A check for drift that reads the registry. */
  async function drift(): Promise<Scene> {
    const gate = others();
    await gate.begin(newSha());
    const read = delayRequests({ gate, registry }, isRead);
    const start = async () =>
      gate.keep(
        await gate.client.workflow.start(WORKFLOWS.drift, {
          workflowId: checkDriftId(gate.lane),
          taskQueue: taskQueue(gate.lane),
        }),
      );
    const handle = await start();
    await until('it reads', read.reached);
    const finds = async () => {
      read.release();
      const found = (await gate.client.workflow.getHandle(handle.workflowId).result()) as Drift | null;
      expect(found?.moved ?? []).toEqual([]);
    };
    return {
      gate,
      run: handle,
      step: 'lookForDrift',
      goOn: finds,
      // The Schedule starts the next one within minutes.
      again: async () => {
        await start();
        await finds();
      },
    };
  }

  let slugs = 1;
  /** An addition whose instance is not there yet. */
  async function addition(): Promise<Scene> {
    const gate = others();
    await startLane(gate);
    slugs += 1;
    const slug = `canary-${slugs}`;
    instance = latch();
    const begin = async () => {
      const { handle } = await startAddition(gate.client, gate.lane, parseAddTenantInput({ slug, requestedBy: 'ada' }));
      return gate.keep(await runOf(gate, handle.workflowId));
    };
    const run = await begin();
    await until('it is provisioned', () => controlPlane.orgs.get(slug)?.instance_status === 'provisioning');
    const becomesMember = async () => {
      expect(members()).not.toContain(slug);
      instance.open();
      expect(await awaitAddition(gate.client.workflow.getHandle(run.workflowId))).toMatchObject({ outcome: 'added' });
      expect(members()).toContain(slug);
    };
    return {
      gate,
      run,
      step: 'awaitInstance',
      goOn: becomesMember,
      async again(how) {
        expect(await awaitAddition(run)).toMatchObject({ why: how === 'was cancelled' ? 'cancelled' : 'by the test' });
        const what = `${run.workflowId} ${how} before its end, so the tenant may not be in the fleet`;
        const fix = `canary tenants add ${slug}`;
        await until('status and doctor tell', async () => {
          const { status, doctor } = await told(gate);
          const line = status.indexOf(`STOPPED  ${what}`);
          const isShown = line >= 0 && status[line + 1]?.trim() === fix;
          return isShown && doctor.includes(`WARNING  runs      ${what} (fix: ${fix})`);
        });
        await begin();
        await becomesMember();
        expect((await told(gate)).status.join('\n')).not.toContain('may not be in the fleet');
      },
    };
  }

  /** A delivery whose receiver is down. */
  async function delivery(): Promise<Scene> {
    const gate = others();
    await startLane(gate);
    const workflowId = deliverEventsId(gate.lane);
    hook.answer = () => ({ status: 503 });
    const sha = newSha();
    const send = async (id: string) => {
      const event = {
        type: 'superseded',
        outcome: 'superseded',
        why: 'for the test',
        id,
        at: new Date().toISOString(),
        workflow: WORKFLOWS.release,
        workflowId: `${gate.lane}-canary-release-${sha.slice(0, 7)}`,
        sha,
      } as const;
      const order: DeliveryOrder = { event, sinks: ['webhook'], reminded: [] };
      await gate.client.workflow.signalWithStart(WORKFLOWS.deliver, {
        workflowId,
        taskQueue: taskQueue(gate.lane),
        signal: deliverEventSignal,
        signalArgs: [order],
      });
    };
    const [id, next] = [`${randomUUID()}-1`, `${randomUUID()}-1`];
    const isTaken = (one: string) =>
      until(`${one} is delivered`, () => hook.taken.some(({ body }) => body.includes(one)), 60_000);
    await send(id);
    const asked = hook.requests.length;
    await until('it was tried', () => hook.requests.length > asked);
    const goOn = async () => {
      hook.answer = () => ({ status: 200, body: 'ok' });
      await isTaken(id);
      // It waits an hour for the next event.
      await gate.client.workflow.getHandle(workflowId).terminate('by the test');
    };
    return {
      gate,
      run: await runOf(gate, workflowId),
      step: 'deliver',
      goOn,
      async again(how) {
        const what = `last superseded of ${sha.slice(0, 7)}: ${workflowId} ${how}`;
        const replay = 'canary events --replay --to webhook';
        // A list of runs lags.
        const isTold = () =>
          until('status and doctor tell', async () => {
            const { status, doctor } = await told(gate);
            const isShown = status.join('\n').includes(`of the last day, ${what} (${replay})`);
            return isShown && doctor.join('\n').includes(`of the last day, ${what} (fix: ${replay})`);
          });
        await isTold();
        hook.answer = () => ({ status: 200, body: 'ok' });
        await send(next);
        await isTaken(next);
        await isTold();
        await gate.client.workflow.getHandle(workflowId).terminate('by the test');
      },
    };
  }

  return { watch, drift, addition, delivery };
}
