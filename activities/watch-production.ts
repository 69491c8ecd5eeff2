import { activityInfo, cancellationSignal, sleep } from '@temporalio/activity';
import { WorkflowExecutionAlreadyStartedError } from '@temporalio/client';
import { nullIfInvalid } from '../src/contract/brand.js';
import { taskQueue, WORKFLOWS, watchProductionId } from '../src/contract/ids.js';
import type { LaneState } from '../src/contract/lane.js';
import { productionTenantsSignal } from '../src/contract/messages.js';
import type { PlannedTenant } from '../src/contract/release.js';
import { type Sha, sameBuild } from '../src/contract/sha.js';
import type { TenantBuild } from '../src/contract/tenants/build.js';
import type { CheckResult } from '../src/contract/tenants/check.js';
import type { SeenTenant, WatchInput, WatchPlan, WatchState } from '../src/contract/tenants/production.js';
import { rounded } from '../src/domain/duration.js';
import { parseWatchState } from '../src/domain/payloads/plan.js';
import {
  beginWatch,
  endOf,
  isOn,
  notePoll,
  type PolledTenant,
  turnedRed,
  withoutLeft,
} from '../src/domain/production-watch.js';
import { supersededBy } from '../src/lane/ledger.js';
import { chooseAutoRollback } from '../src/lane/rollback.js';
import { LIVENESS_WAITS, livenessOf } from '../src/smoke/default-suite.js';
import type { Access } from '../src/smoke/session.js';
import { smokeTenant } from '../src/smoke/smoke-tenant.js';
import type { LaneClient } from '../src/temporal/lane-client.js';
import { watchReport } from '../src/temporal/production.js';
import { findRun, isOpen } from '../src/temporal/runs.js';
import { askBuilds } from '../src/tenants/ask-build.js';
import { type Judgement, judgeProduction } from '../src/tenants/judge-production.js';
import { temporalNow } from './clock.js';
import type { ActivityDependencies } from './dependencies.js';
import { ownRun, throttledSignal, whileWaiting, withHeartbeat } from './heartbeat.js';
import { driftOf } from './lane/check-drift.js';
import { accessOf, productionOf } from './tenants.js';
import { awaitEnd, LANE_POLL_MS } from './waits.js';

/** Time for production to take a build, in update cycles. */
const CYCLES = 2;
/** History of a watch stays short: a run of it lasts an hour. */
const SHIFT_MS = 3_600_000;
/** A watch waits for a worker for a day. */
const AWAY_MS = 24 * 3_600_000;

/** Time for the watch before to tell what it knows, in milliseconds. */
const REPORT_TIMEOUT_MS = 5_000;

/** Result of a shift of a watch. */
export interface WatchResult {
  seen: WatchState;
  /** Null if a tenant has turned red, or the shift is over: the watch goes on. */
  end: 'followed' | 'bound' | 'superseded' | null;
  /** Newer move that superseded it. */
  why?: string;
}

/** Activities that watch production. */
export function createWatchActivities(dependencies: ActivityDependencies) {
  const { config, suite, client, lane, stopping, waits } = dependencies;
  const production = () => productionOf(config);
  const anonymous: Access = { token: '', headers: {}, network: config.network };
  const askLive = (tenant: PlannedTenant, access: Access, signal: AbortSignal) => {
    if (suite === null) throw new Error(`${config.smokeSuite} cannot be used: this worker tests nothing`);
    return smokeTenant(tenant, access, { suite: livenessOf(suite, access), waits: LIVENESS_WAITS, signal });
  };
  const poll = async (plan: WatchPlan, judged: Judged): Promise<PolledTenant[]> => {
    const access = await accessOf(production(), 'production');
    const signal = cancellationSignal();
    const [builds, lives] = await Promise.all([
      askBuilds(plan.tenants, plan.buildProbe, access, signal),
      Promise.all(plan.tenants.map((one) => askLive(one, access.get(one.origin) ?? anonymous, signal))),
    ]);
    const reported = new Map(builds.map((build) => [build.tenant, build]));
    const checked = new Map(lives.map(({ tenant, checks }) => [tenant, checks[0]]));
    return plan.tenants.flatMap((tenant) => {
      const build = reported.get(tenant.name);
      return build ? judged(toPolled(build, checked.get(tenant.name)), tenant) : [];
    });
  };
  /** What each tenant answered in the watch over the move before, unless it was red there: one that is silent from the start may have stopped while no one watched. */
  const answeredBefore = async ({ sha, movedAt }: WatchInput): Promise<Map<string, SeenTenant['answered']>> => {
    const history = (await lane.state())?.ledger.history ?? [];
    const last = history.findLast((one) => one.at < (movedAt ?? '9') && one.sha !== null && !sameBuild(one.sha, sha));
    const run = last?.sha ? await findRun(client, watchProductionId(config.lane, last.sha)) : null;
    const tenants = (run && (await watchReport(client, run, REPORT_TIMEOUT_MS)))?.tenants ?? [];
    return new Map(tenants.filter(({ red }) => red === undefined).map(({ tenant, answered }) => [tenant, answered]));
  };
  /** Whether the lane started this watch, over a move. One that a person started, also as a copy of that, delivers nothing. */
  const isOfMove = async ({ movedAt }: WatchInput): Promise<boolean> => {
    if (movedAt === undefined) return false;
    const { workflowId, runId } = ownRun();
    return (await findRun(client, workflowId, runId))?.memo?.movedAt === movedAt;
  };
  return {
    /** Makes the plan of a watch, which is fixed to its end, and the state before its first poll. */
    async loadWatchPlan(input: WatchInput): Promise<{ plan: WatchPlan; seen: WatchState }> {
      const { tenants } = await production().read(cancellationSignal());
      const { buildProbe, pollMs, updateCycleMs, bakeMs, restartGraceMs: graceMs } = config;
      const watchMs = CYCLES * updateCycleMs + 2 * bakeMs;
      const answered = await withHeartbeat(() => answeredBefore(input));
      const names = tenants.map(({ name }) => {
        const known = answered.get(name);
        return { tenant: name, ...(known && { answered: known }) };
      });
      const limits = { pollMs, bakeMs, graceMs, watchMs, shiftMs: SHIFT_MS, awayMs: AWAY_MS };
      const { autoRollback } = config;
      const policy = autoRollback === 'propose' ? {} : { autoRollback };
      const delivers = config.delivery === 'control-plane' && (await withHeartbeat(() => isOfMove(input)));
      const plan = {
        tenants,
        buildProbe,
        ...limits,
        ...policy,
        ...(delivers && { delivers: true as const }),
        ...(config.payloadKeyFile !== null && { hidesTenants: true }),
      };
      return { plan, seen: beginWatch(names, temporalNow(client)) };
    },

    /** Target of an automatic rollback, or why a person must decide. Nothing moves without the lane: one that was ended is started again, the end of another move is awaited, and what lasts is left to a person. */
    async chooseRollback(input: WatchInput & { movedAt: string }): Promise<{ target: Sha } | { ask: string }> {
      // The plan of the watch is fixed, and hours old: who has switched the policy off since means this rollback, too.
      if (typeof config.autoRollback === 'string')
        return { ask: `CANARY_AUTO_ROLLBACK is ${config.autoRollback} by now` };
      const state = await withHeartbeat(() => settled(lane, waits.silenceMs));
      if (state === null) return { ask: `the lane did not answer for ${rounded(waits.silenceMs)}` };
      const choice = chooseAutoRollback(state, input);
      if ('ask' in choice) return choice;
      // A person with crane, or `--direct`, may have gone back already: the lane hears of it minutes later.
      const drift = await withHeartbeat(() => driftOf(dependencies, state.ledger));
      return drift === null ? choice : { ask: drift };
    },

    /** Polls production until every tenant was on the build and live for the bake time, a tenant turns red, a newer move, the bound, or the end of the shift. */
    watchProduction: (
      input: WatchInput & { movedAt: string },
      plan: WatchPlan,
      from: WatchState,
    ): Promise<WatchResult> =>
      whileWaiting({ client, stopping }, async (wait) => {
        const signalTenants = throttledSignal(client, productionTenantsSignal);
        const shiftEnds = performance.now() + plan.shiftMs;
        const judges = judgeProduction(suite ?? [], config.judging);
        const before = nullIfInvalid(() => parseWatchState(activityInfo().heartbeatDetails)) ?? from;
        try {
          for (let seen = withoutLeft(before, plan); ; ) {
            const begun = temporalNow(client);
            const takenAt = new Map(seen.tenants.map(({ tenant, tookAt }) => [tenant, tookAt]));
            const polled = await poll(plan, (one, tenant) => {
              if (!isOn(one, input.sha)) return one;
              const from = Date.parse(takenAt.get(tenant.name) ?? new Date(begun).toISOString());
              return withJudgement(one, judges.look(tenant, { from, until: begun }));
            });
            seen = notePoll(seen, polled, input.sha, { begun, ended: temporalNow(client) }, plan);
            wait.note(seen);
            const state = await lane.state();
            const newer = state && supersededBy(state.ledger, input.sha, input.movedAt);
            if (newer)
              return {
                seen,
                end: 'superseded',
                why: `superseded by a ${newer.kind} to ${newer.sha ?? 'an unknown build'}`,
              };
            const end = endOf(seen, plan);
            if (end || turnedRed(from.tenants, seen.tenants) || performance.now() >= shiftEnds) return { seen, end };
            await signalTenants({ tenants: seen.tenants, bakingSince: seen.bake?.from ?? null });
            await wait.sleep(plan.pollMs);
          }
        } finally {
          await judges.stop();
        }
      }),
  };
}

/** State of the lane once it answers and moves nothing, or as it is after so long, in milliseconds; null if it is silent then. */
async function settled(lane: LaneClient, forMs: number): Promise<LaneState | null> {
  for (const until = performance.now() + forMs; ; await sleep(LANE_POLL_MS)) {
    const state = await lane.state();
    if ((state && !state.move) || performance.now() >= until) return state;
    // Only a message would start a lane that was ended.
    if (state === null) await lane.begin();
  }
}

/** What is added to a tenant that was polled. */
type Judged = (polled: PolledTenant, tenant: PlannedTenant) => PolledTenant;

/** Adds what judges say of a tenant on the build. A judge that cannot judge says nothing against the tenant. */
function withJudgement(polled: PolledTenant, judgement: Judgement | null): PolledTenant {
  if (judgement === null || judgement.verdict === 'pass') return polled;
  const { verdict, check } = judgement;
  if (verdict === 'could-not-test') return { ...polled, unjudged: check };
  return polled.live === 'fail' ? polled : { ...polled, live: 'fail', check };
}

/** A suite without a check that can be sent: a tenant that reports its build is live. */
function toPolled(build: TenantBuild, liveness: CheckResult | undefined): PolledTenant {
  const isUnreached = build.silent === true && (liveness?.status ?? null) === null && liveness?.verdict !== 'pass';
  const seen = { ...build, ...(isUnreached && { unreached: true as const }) };
  if (liveness === undefined) return { ...seen, live: build.build === null ? 'could-not-test' : 'pass' };
  const { check, verdict, status, schemaPath } = liveness;
  if (verdict === 'pass') return { ...seen, live: verdict };
  const where = schemaPath ? `, at ${schemaPath}` : '';
  return { ...seen, live: verdict, check: `${check}: ${status === null ? 'no answer' : `status ${status}`}${where}` };
}

/** Activity of the lane that starts a watch. */
export function createWatchStarter({ config, client }: ActivityDependencies) {
  return {
    /** Starts the watch over a move, once; false without a production fleet. A watch over an earlier move to the same build ends, because it sees the newer one. */
    async startWatch(input: WatchInput & { movedAt: string }): Promise<boolean> {
      if (config.productionFleet === null) return false;
      const workflowId = watchProductionId(config.lane, input.sha);
      return withHeartbeat(async () => {
        for (;;) {
          const last = await findRun(client, workflowId);
          if (last && String(last.memo?.movedAt ?? '') >= input.movedAt) return true;
          if (last && isOpen(last)) await awaitEnd(client.workflow.getHandle(workflowId, last.runId));
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
