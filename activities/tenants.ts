import { cancellationSignal } from '@temporalio/activity';
import type { Client } from '@temporalio/client';
import type { Config } from '../src/config/schema.js';
import type { Lane } from '../src/contract/ids.js';
import { fleetSeenSignal } from '../src/contract/messages.js';
import type { Plan, PlannedTenant } from '../src/contract/release.js';
import { type Sha, sameBuild } from '../src/contract/sha.js';
import type { TenantBuild } from '../src/contract/tenants/build.js';
import type { TenantSmoke } from '../src/contract/tenants/check.js';
import { activeQuarantines, type Quarantine } from '../src/contract/tenants/quarantine.js';
import { metrics } from '../src/metrics/metrics.js';
import { withGate } from '../src/metrics/table.js';
import type { Access } from '../src/smoke/session.js';
import { smokeTenant } from '../src/smoke/smoke-tenant.js';
import { driftChecks, type Suite, watchable } from '../src/smoke/suite.js';
import type { LaneClient } from '../src/temporal/lane-client.js';
import { askBuilds, tellsBuild } from '../src/tenants/ask-build.js';
import { type Fleet, FleetError, type FleetSource, FleetUnreadable } from '../src/tenants/fleet.js';
import { attemptClock, temporalNow } from './clock.js';
import type { ActivityDependencies } from './dependencies.js';
import { retryMissingSecret, SecretMissing } from './failures.js';
import { throttledSignal, type Wait, whileWaiting, withHeartbeat } from './heartbeat.js';

/** Builds that the tenants report, and whether all report the expected one. */
export interface FleetBuilds {
  builds: TenantBuild[];
  all: boolean;
}

/** Age up to which a fleet from elsewhere counts for its secrets, in milliseconds: they are looked up with each poll. */
const MAX_AGE_MS = 30_000;

type TenantDependencies = Pick<ActivityDependencies, 'config' | 'suite' | 'client' | 'lane' | 'stopping'>;

/** Activities that talk to canary tenants. */
export function createTenantActivities({ config, suite, client, lane, stopping }: TenantDependencies) {
  const known = { client, lane };
  const smoke = async (tenant: PlannedTenant, soakedFrom: string | null) => {
    const access = accessTo(await accessOf(config.fleet, tenant.name), tenant);
    const waits = { suiteMs: config.smokeTimeoutMs };
    const window = soakedFrom === null ? null : { from: Date.parse(soakedFrom), until: temporalNow(client) };
    const checks = requireSuite(config, suite);
    // Only a comparison with the other canary tenants needs them.
    const compares = config.productionFleet === null && driftChecks(checks).length > 0;
    const quarantined = compares ? (await quarantinesOf(known)).map((one) => one.tenant) : [];
    const judging = { access: config.judging, window, quarantined };
    const options = { suite: checks, judging, waits, signal: cancellationSignal() };
    const result = await smokeTenant(tenant, access, options);
    countChecks(config.lane, result);
    return result;
  };
  return {
    /** Polls all tenants until every tenant with a build probe reports the build, or until the deadline (epoch of the server, ms). */
    async awaitBuild(sha: Sha, plan: Plan, deadline: number): Promise<FleetBuilds> {
      const poll = async (wait: Wait) => {
        const signalSeen = throttledSignal(client, fleetSeenSignal);
        // The deadline is by the server's clock: that of this machine may be wrong.
        const clock = attemptClock();
        const isWatched = watchable(requireSuite(config, suite)).length > 0;
        for (;;) {
          const members = await membersOf(plan, known);
          const fleet = await fleetBuilds(config.fleet, sha, members, isWatched);
          wait.note(fleet);
          const probed = members.tenants.filter((one) => tellsBuild(one, plan.buildProbe)).map(({ name }) => name);
          const isReported = fleet.builds.every(({ tenant, build }) => isBuild(build, sha) || !probed.includes(tenant));
          if (isReported || clock() >= deadline) return fleet;
          await signalSeen({ builds: fleet.builds, from: null });
          await wait.sleep(plan.pollMs);
        }
      };
      const { secret } = plan.retryBudgetMs;
      return whileWaiting({ client, stopping }, (wait) => retryMissingSecret(secret, () => poll(wait), wait));
    },

    /** Runs the suite on one tenant. RED is a result; only a fault throws. `secretMs`: retry budget for a missing token. `soakedFrom`: begin of the soak, ISO 8601, that judges look back on. */
    smokeTenant: (tenant: PlannedTenant, secretMs: number, soakedFrom: string | null): Promise<TenantSmoke> =>
      retryMissingSecret(secretMs, () => withHeartbeat(() => smoke(tenant, soakedFrom))),
  };
}

function countChecks(lane: Lane, { checks }: TenantSmoke): void {
  for (const { check, verdict, latencyMs } of checks) {
    metrics.count('canary_checks_total', withGate(lane, { verdict }));
    metrics.observe('canary_check_latency_seconds', withGate(lane, { check }), latencyMs / 1_000);
  }
}

/** Reads the current secrets of a fleet: a token may have been rotated since the plan was made. */
export async function accessOf(
  source: FleetSource | null,
  who: string,
  signal = cancellationSignal(),
): Promise<Fleet['access']> {
  try {
    return (await source?.read(signal, MAX_AGE_MS))?.access ?? new Map();
  } catch (error) {
    throw error instanceof FleetError || error instanceof FleetUnreadable
      ? new SecretMissing(`this worker has no admin token for ${who}: ${error.message}`)
      : error;
  }
}

/** Fleet of production. @throws {SecretMissing} on a worker without one. */
export function productionOf({ productionFleet }: Pick<Config, 'productionFleet'>): FleetSource {
  if (productionFleet === null)
    throw new SecretMissing('this worker has no production fleet: CANARY_PROD_FLEET_FILE is not set');
  return productionFleet;
}

/** Access to one tenant. A fleet has the token of each of its tenants, so one without has left it. @throws {SecretMissing} */
export function accessTo(access: Fleet['access'], { name, origin }: PlannedTenant): Access {
  const found = access.get(origin);
  if (found === undefined)
    throw new SecretMissing(
      `${name} is no longer in the fleet of this worker, or has another URL there: put it back as it was and retry, or abort and release the build again, which reads the fleet`,
    );
  return found;
}

/** Access to every tenant of a plan. @throws {SecretMissing} */
export async function fleetAccess(
  source: FleetSource | null,
  { tenants }: Plan,
  signal = cancellationSignal(),
): Promise<Fleet['access']> {
  const access = await accessOf(source, 'the fleet', signal);
  for (const tenant of tenants) accessTo(access, tenant);
  return access;
}

/** Who knows the quarantines, and the time. */
interface Known {
  client: Client;
  lane: Pick<LaneClient, 'state'>;
}

/** Tenants in quarantine now. A lane that does not answer names none: then every tenant counts. */
export async function quarantinesOf({ client, lane }: Known): Promise<Quarantine[]> {
  const state = await lane.state();
  return state ? activeQuarantines(state.ledger, temporalNow(client)) : [];
}

/**
 * Plan of a running release without the tenants in quarantine, so that none of them breaks what the others prove. If that leaves none, all count: the release itself finds that too few are left.
 * @param left those of the last answer of the lane: while it is silent, no quarantine has ended.
 */
export async function membersOf(plan: Plan, { client, lane }: Known, left: readonly string[] = []): Promise<Plan> {
  const state = await lane.state();
  const names = state ? activeQuarantines(state.ledger, temporalNow(client)).map(({ tenant }) => tenant) : left;
  const tenants = plan.tenants.filter(({ name }) => !names.includes(name));
  return tenants.length > 0 ? { ...plan, tenants } : plan;
}

/** Suite of this worker. @throws on a worker whose suite cannot be used: the activity is retried, on another one. */
export function requireSuite({ smokeSuite }: Config, suite: Suite | null): Suite {
  if (suite === null) throw new Error(`${smokeSuite} cannot be used: this worker tests nothing`);
  return suite;
}

/** @param isWatched whether a watch sends checks to the tenants. One that it sends nothing at all is said to be unwatched. */
async function fleetBuilds(source: FleetSource | null, sha: Sha, plan: Plan, isWatched: boolean): Promise<FleetBuilds> {
  const access = await fleetAccess(source, plan);
  const asked = await askBuilds(plan.tenants, plan.buildProbe, access, cancellationSignal());
  const builds = asked.map((one, index): TenantBuild => {
    const tenant = plan.tenants[index];
    if (isWatched || !tenant || tellsBuild(tenant, plan.buildProbe)) return one;
    return { ...one, why: `${one.why}, and not watched: the suite has no read-only check` };
  });
  return { builds, all: builds.every(({ build }) => isBuild(build, sha)) };
}

const isBuild = (build: string | null, sha: Sha) => build !== null && sameBuild(build, sha);
