import { activityInfo, cancellationSignal, heartbeat } from '@temporalio/activity';
import { WorkflowExecutionAlreadyStartedError } from '@temporalio/client';
import { taskQueue, WORKFLOWS, watchProductionId } from '../src/contract/ids.js';
import { productionTenantsSignal } from '../src/contract/messages.js';
import type { TenantBuild } from '../src/contract/release.js';
import { type TenantSmoke, verdictOf } from '../src/contract/tenants/check.js';
import type { SeenTenant, WatchInput, WatchPlan } from '../src/contract/tenants/production.js';
import { hasFollowed, isOn } from '../src/domain/production.js';
import { supersededBy } from '../src/lane/ledger.js';
import { LIVENESS_WAITS, livenessOf } from '../src/smoke/default-suite.js';
import { smokeTenant } from '../src/smoke/smoke-tenant.js';
import { findRun } from '../src/temporal/runs.js';
import { askBuilds } from '../src/tenants/ask-build.js';
import type { ActivityDependencies } from './dependencies.js';
import { SecretMissing } from './failures.js';
import { heartbeatSleep, throttledSignal, withHeartbeat } from './heartbeat.js';
import { accessOf } from './tenants.js';
import { awaitEnd } from './waits.js';

/** Duration of a watch, in update cycles. */
const CYCLES = 2;

/** Result of a watch. */
export interface WatchResult {
  tenants: SeenTenant[];
  /** Newer move that superseded it. */
  superseded?: string;
}

/** Activities that watch production. */
export function createWatchActivities({ config, suite, client, lane, stopping }: ActivityDependencies) {
  const production = () => {
    if (config.productionFleet === null) throw new SecretMissing('production: CANARY_PROD_FLEET_FILE is not set');
    return config.productionFleet;
  };
  const observe = async ({ sha }: WatchInput, plan: WatchPlan, before: SeenTenant[]): Promise<SeenTenant[]> => {
    const access = await accessOf(production(), 'production');
    const signal = cancellationSignal();
    const options = { suite: livenessOf(suite ?? []), waits: LIVENESS_WAITS, signal };
    const anonymous = { token: '', headers: {} };
    const [builds, lives] = await Promise.all([
      askBuilds(plan.tenants, plan.buildProbe, access, signal),
      Promise.all(plan.tenants.map((tenant) => smokeTenant(tenant, access.get(tenant.origin) ?? anonymous, options))),
    ]);
    return builds.map((build, index) => toSeenTenant(sha, build, lives[index], before[index]));
  };
  return {
    /** Makes the plan of a watch, which is fixed to its end. */
    async loadWatchPlan(): Promise<WatchPlan> {
      const { tenants } = await production().read(cancellationSignal());
      const { buildProbe, pollMs, updateCycleMs } = config;
      return { tenants, buildProbe, pollMs, watchMs: CYCLES * updateCycleMs };
    },

    /** Polls production until all tenants run the build and are live, a newer move, or the deadline (epoch, ms). */
    async watchProduction(
      input: WatchInput & { movedAt: string },
      plan: WatchPlan,
      deadline: number,
    ): Promise<WatchResult> {
      const signalTenants = throttledSignal(client, productionTenantsSignal);
      for (let tenants = (activityInfo().heartbeatDetails ?? []) as SeenTenant[]; ; ) {
        const before = tenants;
        tenants = await withHeartbeat(() => observe(input, plan, before), before);
        heartbeat(tenants);
        const state = await lane.state();
        const newer = state && supersededBy(state.ledger, input.sha, input.movedAt);
        if (newer) return { tenants, superseded: `${newer.kind} to ${newer.sha ?? 'an unknown build'}` };
        // A check that has just begun to fail is repeated once: a restart is not a fault.
        const doubtful = tenants.some(({ failing, red }) => failing !== undefined && red === undefined);
        if (hasFollowed(tenants, input.sha) || (Date.now() >= deadline && !doubtful)) return { tenants };
        await signalTenants(tenants);
        await heartbeatSleep(stopping, plan.pollMs, tenants);
      }
    },
  };
}

function toSeenTenant(
  sha: string,
  build: TenantBuild,
  live: TenantSmoke | undefined,
  before: SeenTenant | undefined,
): SeenTenant {
  // A failure on a tenant that reports another build does not count against this one.
  const isOurs = build.build === null || isOn(build, sha);
  const failed = isOurs ? live?.checks.find(({ verdict }) => verdict === 'fail') : undefined;
  const where = failed?.schemaPath ? `, at ${failed.schemaPath}` : '';
  const failing = failed && `${failed.check}: status ${failed.status}${where}`;
  return {
    ...build,
    tookAt: before?.tookAt ?? (isOn(build, sha) ? new Date().toISOString() : null),
    live: live === undefined || live.checks.length === 0 ? 'pass' : verdictOf([live]),
    ...(failing !== undefined && { failing }),
    ...(failing !== undefined && before?.failing !== undefined && { red: failing }),
  };
}

/** Activity of the lane that starts a watch. */
export function createWatchStarter({ config, client }: ActivityDependencies) {
  return {
    /** Starts the watch over a move, once. A watch over an earlier move to the same build ends, because it sees the newer one. */
    async startWatch(input: WatchInput & { movedAt: string }): Promise<string> {
      if (config.productionFleet === null) return 'no production fleet';
      const workflowId = watchProductionId(config.lane, input.sha);
      return withHeartbeat(async () => {
        for (;;) {
          const last = await findRun(client, workflowId);
          if (last && String(last.memo?.movedAt ?? '') >= input.movedAt) return 'is watched';
          if (last?.status.name === 'RUNNING') await awaitEnd(client.workflow.getHandle(workflowId, last.runId));
          try {
            await client.workflow.start(WORKFLOWS.watch, {
              workflowId,
              taskQueue: taskQueue(config.lane),
              args: [input],
              memo: { movedAt: input.movedAt },
            });
          } catch (error) {
            if (!(error instanceof WorkflowExecutionAlreadyStartedError)) throw error;
          }
        }
      });
    },
  };
}
