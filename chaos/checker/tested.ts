import type { Evidence, Run, TenantRequest, Violation } from './evidence.js';
import { automatic, buildOf, eventsAfter, firstWrite, laneCommands, type Mover, SCHEDULED, short } from './movers.js';

/** Request with which a tenant is asked for its build. */
const PROBE = 'GET /health';
/** Read-only check of the watch. */
const CHECKED = 'GET /workspaces';
const SMOKED = ['POST /memories/commit', 'GET /memories/search', 'GET /events'];

/** I1, I7: what moves without a person's order or approval was smoked on each tenant, in that release, and is not a bad build. */
export function onlyTested(evidence: Evidence, movers: readonly Mover[]): Violation[] {
  return automatic(movers).flatMap((mover) => {
    const { run, sha, parent } = mover;
    const violation = (rule: 'I1' | 'I7', what: string) => [{ rule, at: run.startedAt, what: `${short(sha)} ${what}` }];
    if (parent === undefined) return [];
    if (evidence.tenants.length === 0) return violation('I7', 'was promoted without a fleet and without a person');
    // A release that starts over smokes again.
    const from = passOf(mover, parent);
    const tested = testedBy(evidence, mover, smokedBefore(evidence, mover));
    if (tested.length === 0) return violation('I1', 'was promoted, and every tenant was set aside');
    // A tenant that claims the build and runs another one shows nothing of it.
    const isShown = tested.some((tenant) => !liars(evidence, mover).includes(tenant));
    if (buildOf(evidence, sha)?.isRed && isShown) return violation('I1', 'was promoted, and fails its smoke');
    const untested = tested.filter(
      (tenant) => !SMOKED.every((route) => passed(evidence, { tenant, route, sha, from, to: run.startedAt })),
    );
    return untested.length > 0 ? violation('I1', `was promoted without a smoke on ${untested.join(', ')}`) : [];
  });
}

const passOf = (mover: Mover, { startedAt }: Run): number => eventsAfter(mover, 'awaitBuild')[0]?.at ?? startedAt;

/**
 * Tenants that claimed the build of a promotion and ran another one when they were asked for more than their build. The gate cannot
 * know: it asks a tenant, and has no other source. Such a promotion is no violation (docs/invariants.md, I1); the run names it.
 */
export function liars(evidence: Evidence, mover: Mover): string[] {
  const { sha, parent, run } = mover;
  if (parent === undefined) return [];
  const from = passOf(mover, parent);
  const isLie = ({ tenant, at, route }: TenantRequest) => {
    const state = evidence.tenantStates.findLast((one) => one.tenant === tenant && one.at <= at);
    return route !== PROBE && at >= from && at <= run.startedAt && state?.sha === sha && state.runs !== undefined;
  };
  const found = new Set(evidence.tenantRequests.filter(isLie).map(({ tenant }) => tenant));
  return evidence.tenants.filter((tenant) => found.has(tenant));
}

/** Step that fixes the fleet of a release; the lane may drop a tenant later, and takes none back. */
const PLAN = 'loadPlan';
/** Time that a command of a person may be on its way to a release. */
const ON_ITS_WAY_MS = 1_000;

/** Tenants that test the build of a mover: all but those that a person had set aside in this pass, before `to`. */
function testedBy(evidence: Evidence, { run, parent }: Mover, to = run.startedAt): string[] {
  const plan = parent?.events.findLast(
    ({ type, name, at }) => type === SCHEDULED && name === PLAN && at <= run.startedAt,
  );
  const from = (plan?.at ?? parent?.startedAt ?? 0) - evidence.jumpMs;
  const commands = laneCommands(evidence, 'quarantine', 'unquarantine');
  // One that was set aside after the smoke, and after the mover began, had to be smoked.
  const asideUntil = to < run.startedAt ? Math.min(to + ON_ITS_WAY_MS, run.startedAt) : to + ON_ITS_WAY_MS;
  const aside = commands.filter(({ name, at, tenant, until = 0 }) => {
    const taken = commands.find((one) => one.name === 'unquarantine' && one.tenant === tenant && one.at > at);
    return name === 'quarantine' && at < asideUntil && Math.min(until, taken?.at ?? until) > from;
  });
  return evidence.tenants.filter((name) => !aside.some(({ tenant }) => tenant === name));
}

/** Time of the last request of the smoke before a mover. */
function smokedBefore({ tenantRequests }: Evidence, { run, parent }: Mover): number {
  const asked = tenantRequests.filter(
    ({ route, at }) => SMOKED.includes(route) && at > (parent?.startedAt ?? 0) && at < run.startedAt,
  );
  return Math.max(parent?.startedAt ?? 0, ...asked.map(({ at }) => at));
}

interface Asked {
  tenant: string;
  route: string;
  sha: string;
  from: number;
  to: number;
}

/** Whether the tenant was on the build, and answered well, when it was asked that. */
const passed = (evidence: Evidence, { tenant, route, sha, from, to }: Asked) =>
  evidence.tenantRequests.some(
    (one) =>
      one.tenant === tenant &&
      one.route === route &&
      one.at >= from &&
      one.at <= to &&
      isWell(one) &&
      runs(evidence, tenant, one.at) === sha,
  );

const isWell = ({ status }: TenantRequest) => status !== undefined && status < 300;

/** Build of a tenant at a time; null while it refuses connections. */
const runs = ({ tenantStates }: Evidence, tenant: string, at: number) =>
  tenantStates.findLast((state) => state.tenant === tenant && state.at <= at)?.sha ?? null;

/** I3: each image moves to a digest of its build. One that is pushed again before its smoke is over is not promoted. */
export function pinned(evidence: Evidence, movers: readonly Mover[]): Violation[] {
  return automatic(movers).flatMap(({ run, sha, targets, parent }) => {
    const build = buildOf(evidence, sha);
    const said = (what: string) => ({ rule: 'I3' as const, at: run.startedAt, what });
    // The gate reads the tag again after the last smoke.
    const smokedAt = evidence.tenantRequests.findLast(
      ({ route, at }) => route === SMOKED[0] && at > (parent?.startedAt ?? 0) && at < run.startedAt,
    )?.at;
    const repushed = targets.flatMap(({ repository, to }) => {
      const pushed = build?.pushes.findLast((push) => push.repository === repository && push.at < (smokedAt ?? 0));
      return pushed && pushed.digest !== to
        ? [said(`${short(sha)} was promoted although ${repository} was pushed again before its smoke was over`)]
        : [];
    });
    const foreign = targets
      .filter(({ repository, to }) => !build?.digests[repository]?.includes(to))
      .map(({ repository, to }) => said(`${repository} was moved to ${to.slice(0, 19)}, no digest of ${short(sha)}`));
    return [...foreign, ...repushed];
  });
}

/** Probes in which the gate may find a tenant away before it is an interruption. */
const PROBES = 2;
/** The same for one that the gate finds silent or failing: twice in a row, and one round that may belong to another worker. */
const SERIES = 3;
/** Part of the time between two probes within which two of them are of two workers. */
const SAME_ROUND = 0.6;
/** The tenants of a round are not asked in the same millisecond. */
const JITTER_MS = 50;
/** Probes that a watch may miss, each of at least a second. */
const MAX_GAPS = 3;
const LEAST_PROBE_MS = 1_000;

interface Soak {
  /** First probe in which every tenant was on the build; the start of the mover if there was no soak. */
  from: number;
  /** Time from there to the smoke, in milliseconds. */
  ms: number;
}

/** Soak of the last pass of a release before its mover. */
function soakOf(evidence: Evidence, mover: Mover): Soak {
  const { run, sha, parent } = mover;
  const tenants = parent ? testedBy(evidence, mover) : evidence.tenants;
  const pass = eventsAfter(mover, 'awaitBuild').filter(({ type }) => type === SCHEDULED);
  const smoke = pass.findIndex(({ name }) => name === 'smokeTenant');
  // The last watch before the smoke is the one that goes on until the move.
  const watches = pass.slice(0, Math.max(0, smoke)).filter(({ name }) => name === 'watchFleet');
  const since = watches.at(-2)?.at ?? Number.POSITIVE_INFINITY;
  const good = evidence.tenantRequests.filter(
    ({ route, at }) => route === PROBE && at >= since && tenants.every((tenant) => runs(evidence, tenant, at) === sha),
  );
  const from = Math.min(run.startedAt, ...good.map(({ at }) => at));
  return { from, ms: Math.max(0, (pass[smoke]?.at ?? from) - from) };
}

/** I3: the tenants are on the build for the whole soak; from there to an automatic move each one that was asked was on it, and none was silent for long. */
export function watched(evidence: Evidence, movers: readonly Mover[]): Violation[] {
  return automatic(movers).flatMap((mover) => {
    const to = mover.run.startedAt;
    const { from, ms } = soakOf(evidence, mover);
    const said = (at: number, why: string) => ({
      rule: 'I3' as const,
      at: firstWrite(mover)?.at ?? at,
      what: `${short(mover.sha)} was promoted ${why}`,
    });
    const isShort = evidence.tenants.length > 0 && ms < evidence.soakMs - evidence.probeMs;
    const away = (mover.parent ? testedBy(evidence, mover) : []).flatMap((tenant) =>
      absences(evidence, tenant, mover.sha)
        .map((absence) => ({ ...absence, from: Math.max(absence.from, from), to: Math.min(absence.to, to) }))
        .filter((absence) => wasSeen(evidence, tenant, absence))
        .map(({ from: at }) =>
          said(at, `although ${tenant} was not on it ${Math.round(to - at)} ms before, in its soak`),
        ),
    );
    const failing = evidence.tenants.flatMap((tenant) =>
      isFailing(evidence, tenant, from, to) ? [said(to, `although ${tenant} failed its checks in its soak`)] : [],
    );
    return [
      ...(isShort ? [said(to, `after a soak of ${ms} ms in place of ${evidence.soakMs}`)] : []),
      ...away,
      ...failing,
    ];
  });
}

interface Absence {
  from: number;
  to: number;
  isDown: boolean;
}

function absences({ tenantStates }: Evidence, tenant: string, sha: string): Absence[] {
  const own = tenantStates.filter((state) => state.tenant === tenant);
  return own.flatMap((state, index) =>
    state.sha === sha
      ? []
      : [{ from: state.at, to: own[index + 1]?.at ?? Number.POSITIVE_INFINITY, isDown: state.sha === null }],
  );
}

function wasSeen(evidence: Evidence, tenant: string, { from, to, isDown }: Absence): boolean {
  const { tenants, probeMs } = evidence;
  if (to <= from) return false;
  const askedOf = (name: string, since: number, until: number) =>
    probesOf(evidence, name, PROBE, since, until).map(({ at }) => at);
  if (!isDown) return askedOf(tenant, from, to).length >= PROBES;
  // A tenant that is down sees no request: the probes of the others tell when it was asked. Without any, the watch itself had a gap.
  return (
    to - from > MAX_GAPS * Math.max(probeMs, LEAST_PROBE_MS) + LEAST_PROBE_MS ||
    tenants.some((other) => other !== tenant && isSeries(askedOf(other, from + JITTER_MS, to - JITTER_MS), probeMs))
  );
}

const probesOf = ({ tenantRequests }: Evidence, tenant: string, route: string, from: number, to: number) =>
  tenantRequests.filter((one) => one.tenant === tenant && one.route === route && one.at >= from && one.at < to);

/** Whether the watch asked often enough to find two failures in a row; of two workers that ask, each one. */
function isSeries(times: readonly number[], probeMs: number): boolean {
  const isOfTwo = times.some((at, index) => index > 0 && at - (times[index - 1] ?? at) < SAME_ROUND * probeMs);
  return times.length >= (isOfTwo ? 2 * SERIES : SERIES);
}

/** Whether a tenant answered the checks of the watch with errors for long enough. */
function isFailing(evidence: Evidence, tenant: string, from: number, to: number): boolean {
  const series: number[][] = [[]];
  for (const { at, status } of probesOf(evidence, tenant, CHECKED, from, to))
    if (status !== undefined && status >= 300) series.at(-1)?.push(at);
    else series.push([]);
  return series.some((times) => isSeries(times, evidence.probeMs));
}
