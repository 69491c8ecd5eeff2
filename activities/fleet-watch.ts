import { activityInfo, Context } from '@temporalio/activity';
import { fleetSeenSignal } from '../src/contract/messages.js';
import type { Plan, PlannedTenant } from '../src/contract/release.js';
import type { Sha } from '../src/contract/sha.js';
import type { FleetWatchEnd, FleetWatchInput } from '../src/contract/tenants/fleet-watch.js';
import { formatDuration } from '../src/domain/duration.js';
import {
  elapsedMs,
  type FleetWatchState,
  type Instant,
  maxGapMs,
  observe,
  type Probe,
} from '../src/domain/fleet-watch.js';
import { smokeTenant } from '../src/smoke/smoke-tenant.js';
import { watchable } from '../src/smoke/suite.js';
import { askBuilds } from '../src/tenants/ask-build.js';
import { silentBefore } from './clock.js';
import type { ActivityDependencies } from './dependencies.js';
import { retryMissingSecret } from './failures.js';
import { throttledSignal, type Wait, whileWaiting } from './heartbeat.js';
import { accessTo, fleetAccess, membersOf, requireSuite } from './tenants.js';

/** Shortest limit of the checks of one round on one tenant, in milliseconds; a longer interval allows more. */
const MIN_ROUND_MS = 5_000;
const roundMs = (intervalMs: number) => Math.max(intervalMs, MIN_ROUND_MS);
/** Tenants that are probed at a time: the limit of one must not be used up by the others. */
const AT_ONCE = 50;
/** Time after which a round was not slow but frozen, in milliseconds. */
const longestRoundMs = ({ soakProbeMs, tenants }: Plan) =>
  2 * roundMs(soakProbeMs) * Math.ceil(tenants.length / AT_ONCE);

/** State of a watch, and the tenants that were in quarantine in its last round. */
type WatchedFleet = FleetWatchState & { left?: string[] };

type WatchDependencies = Pick<ActivityDependencies, 'config' | 'suite' | 'client' | 'lane' | 'stopping'>;

/** Activity that watches the canary fleet from the soak to the move. */
export function createFleetWatch({ config, suite, client, lane, stopping }: WatchDependencies) {
  const probe = async (planned: Plan, aside: string[], signal: AbortSignal): Promise<Probe[]> => {
    const plan = await membersOf(planned, { client, lane }, aside);
    const access = await fleetAccess(config.fleet, plan, signal);
    const limitMs = roundMs(plan.soakProbeMs);
    const options = {
      suite: watchable(requireSuite(config, suite)),
      // No retries: the next round is one.
      waits: { requestMs: limitMs, suiteMs: limitMs, retryBudgetMs: 0 },
      signal,
    };
    const one = async (tenant: PlannedTenant): Promise<Probe[]> => {
      const [builds, smoke] = await Promise.all([
        askBuilds([tenant], plan.buildProbe, access, signal),
        smokeTenant(tenant, accessTo(access, tenant), options),
      ]);
      return builds.map((build) => ({ build, smoke }));
    };
    const probes: Probe[] = [];
    for (let index = 0; index < plan.tenants.length; index += AT_ONCE)
      probes.push(...(await Promise.all(plan.tenants.slice(index, index + AT_ONCE).map(one))).flat());
    return probes;
  };

  const watch = async (sha: Sha, plan: Plan, input: FleetWatchInput, wait: Wait): Promise<FleetWatchEnd> => {
    const { soakMs, unreported, stretch } = input;
    const { requested, lost, either } = cancelsOf(Context.current(), soakMs === null);
    const signalSeen = throttledSignal(client, fleetSeenSignal);
    const intervalMs = plan.soakProbeMs;
    const gapMs = maxGapMs(intervalMs);
    let state: WatchedFleet = stateOf(activityInfo().heartbeatDetails) ?? {
      stretch,
      doubtful: [],
      doubts: {},
      failing: [],
    };
    let { left = stretch?.left ?? [] } = state;
    const { attempt } = activityInfo();
    const begunWith = state.stretch?.from;
    let hasSignaled = false;
    let last: Instant | null = state.stretch && { wall: Date.parse(state.stretch.until), steady: null };
    // What the clocks of a machine that was paused whole do not show.
    let silentMs = attempt > 1 && last !== null ? ((await silentBefore(client)) ?? 0) : 0;
    for (;;) {
      const isProof = requested.aborted;
      const begun = now();
      const probes = await probe(plan, left, lost);
      const ended = now();
      const idleMs = last === null ? 0 : Math.max(silentMs, elapsedMs(last, begun, gapMs));
      silentMs = 0;
      const tookMs = elapsedMs(begun, ended, gapMs);
      const unwatchedMs = Math.max(idleMs, tookMs - longestRoundMs(plan));
      const hadStretch = state.stretch !== null;
      const round = { at: ended.wall, sinceLastMs: idleMs + tookMs, unwatchedMs, probes };
      const seen = observe(state, round, { sha, unreported, gapMs });
      ({ state } = seen);
      last = ended;
      // What came back was not watched meanwhile: the stretch is no proof for it.
      const returned = left.filter((name) => probes.some(({ build }) => build.tenant === name));
      if (returned.length > 0) return { unwatched: `${returned.join(', ')} came back from quarantine` };
      left = leftOut(plan, probes);
      wait.note(left.length > 0 ? { ...state, left } : state);
      if (seen.end) return fitEnd(seen.end);
      if (soakMs === null && hadStretch && unwatchedMs > gapMs) return { unwatched: describeGap(unwatchedMs) };
      const { stretch: watched } = state;
      if (watched && seen.isGood && (soakMs === null ? isProof : watched.watchedMs >= soakMs))
        return { watched: { ...watched, ...(left.length > 0 && { left }) } };
      // The release knows that every tenant is on the build when a watch begins; not that one which another worker goes on with begins again.
      const isKnown = !hasSignaled && seen.isGood && (attempt === 1 || watched?.from === begunWith);
      hasSignaled = true;
      await signalSeen({ builds: probes.map(({ build }) => build), from: watched?.from ?? null }, isKnown);
      const leftMs = soakMs === null || !seen.isGood ? intervalMs : soakMs - (watched?.watchedMs ?? 0);
      await wait.sleep(Math.min(intervalMs, leftMs), isProof ? lost : either);
    }
  };

  return {
    /**
     * Watches until the stretch is as long as the soak, or until it is cancelled: then one more good round proves the stretch up to
     * now. Ends earlier if a tenant is interrupted or RED. A worker that takes over continues the stretch if the gap is short enough.
     */
    watchFleet: (sha: Sha, plan: Plan, input: FleetWatchInput): Promise<FleetWatchEnd> =>
      whileWaiting({ client, stopping }, (wait) =>
        retryMissingSecret(plan.retryBudgetMs.secret, () => watch(sha, plan, input, wait), wait),
      ),
  };
}

/**
 * Cancel by the release, which `asks` a watch without an end for its proof, and any other end of the activity. `either` ends a pause.
 * `AbortSignal.any` would do, but it loses its sources on Node 20.
 */
function cancelsOf(context: Context, asks: boolean) {
  const [requested, lost, either] = [new AbortController(), new AbortController(), new AbortController()];
  const { cancellationSignal } = context;
  const onCancel = () => {
    (asks && context.cancellationDetails?.cancelRequested ? requested : lost).abort(cancellationSignal.reason);
    either.abort();
  };
  if (cancellationSignal.aborted) onCancel();
  else cancellationSignal.addEventListener('abort', onCancel, { once: true });
  return { requested: requested.signal, lost: lost.signal, either: either.signal };
}

const leftOut = ({ tenants }: Plan, probes: Probe[]): string[] =>
  tenants.map(({ name }) => name).filter((name) => !probes.some(({ build }) => build.tenant === name));

const now = (): Instant => ({ wall: Date.now(), steady: performance.now() });

/** State from the heartbeats of an earlier attempt; null without one. */
function stateOf(details: unknown): WatchedFleet | null {
  return Array.isArray(Object(details).doubtful) ? (details as WatchedFleet) : null;
}

const describeGap = (ms: number) =>
  Number.isFinite(ms) ? `no worker watched for ${formatDuration(Math.round(ms / 1000) * 1000)}` : 'a clock jumped';

/** Most tenants of which a RED watch returns the failed checks: a result of 2 MB fails the activity. */
const MAX_RED = 100;

/** Cuts the end of a watch to what decides: the failed checks. */
const fitEnd = (end: FleetWatchEnd): FleetWatchEnd =>
  'red' in end
    ? {
        red: end.red.slice(0, MAX_RED).map(({ tenant, checks }) => ({
          tenant,
          checks: checks.filter(({ verdict }) => verdict === 'fail'),
        })),
      }
    : end;
