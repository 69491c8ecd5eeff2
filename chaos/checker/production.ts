import type { Evidence, Run, TenantState, Violation } from './evidence.js';
import { buildOf, firstWrite, type Mover } from './movers.js';

/** Longest time between two polls that follow one another, in milliseconds: after a longer one the gate counts again. */
const GAP_MS = 1_500;
/** Time beyond the grace in which the gate may still be about to raise its alarm, in milliseconds. */
const SLACK_MS = 1_000;
/** Failed checks after which there must be an alarm: the gate needs two in a row. */
const FAILED = 4;

/** Production ran only what a write put to `:latest` (I1); its last move is watched; and a tenant that failed in a watch raised an alarm. */
export function production(evidence: Evidence, movers: readonly Mover[]): Violation[] {
  return [
    ...unwritten(evidence),
    ...unwatched(evidence, movers),
    ...watchesOf(evidence).flatMap(silentWatch(evidence)),
  ];
}

const ofProduction = ({ production, tenantStates }: Evidence) =>
  tenantStates.filter(({ tenant, sha }) => production.includes(tenant) && sha);

function unwritten(evidence: Evidence): Violation[] {
  return ofProduction(evidence)
    .filter(({ sha, at }) => {
      const digests = Object.values(buildOf(evidence, String(sha))?.digests ?? {}).flat();
      return !evidence.writes.some((write) => write.at <= at && digests.includes(write.digest));
    })
    .map(({ tenant, sha, at }) => ({
      rule: 'I1',
      at,
      what: `${tenant} ran ${short(sha)}, which no write put to :latest`,
    }));
}

const watchesOf = ({ runs }: Evidence) => runs.filter(({ type }) => type === 'WatchProduction');

function unwatched(evidence: Evidence, movers: readonly Mover[]): Violation[] {
  if (evidence.production.length === 0) return [];
  const last = movers.findLast((mover) => mover.parent && mover.run.status === 'COMPLETED' && firstWrite(mover));
  if (last === undefined) return [];
  const { sha, run } = last;
  const isWatched = watchesOf(evidence).some(({ input, startedAt }) => input.sha === sha && startedAt >= run.startedAt);
  return isWatched
    ? []
    : [{ rule: 'alarm', at: run.startedAt, what: `nothing watched how production took ${short(sha)}` }];
}

/** Tenants that failed in a watch for long enough, although the watch raised no alarm. */
const silentWatch =
  (evidence: Evidence) =>
  (watch: Run): Violation[] => {
    const closedAt = watch.closedAt ?? Number.POSITIVE_INFINITY;
    if (watch.events.some(({ name }) => name === 'alarm production-red')) return [];
    // Another watch polls the same tenants: no request tells whose it is.
    const next = watchesOf(evidence).find(({ startedAt }) => startedAt > watch.startedAt);
    const ends = Math.min(closedAt, next?.startedAt ?? Number.POSITIVE_INFINITY);
    return evidence.production.flatMap((tenant) =>
      failuresOf(evidence, watch, tenant)
        .map(({ from, to, ...failure }) => ({ ...failure, from, to: Math.min(to, ends) }))
        .filter((failure) => mustAlarm(evidence, watch, tenant, failure))
        .map(({ from, why }) => ({
          rule: 'alarm',
          at: from,
          what: `${tenant} ${why}, and ${watch.workflowId} raised no alarm`,
        })),
    );
  };

interface Failure {
  from: number;
  to: number;
  why: 'was silent' | 'was red';
}

function failuresOf(evidence: Evidence, { input, startedAt }: Run, tenant: string): Failure[] {
  const own = evidence.tenantStates.filter((state) => state.tenant === tenant);
  const isRed = ({ sha, isRed: own, runs }: TenantState) => {
    const build = buildOf(evidence, runs ?? sha ?? '');
    return sha !== null && sha === input.sha && (own || (build?.isRed && !build.passesLiveness));
  };
  return own.flatMap((state, index): Failure[] => {
    const why = state.sha === null ? 'was silent' : isRed(state) ? 'was red' : null;
    const to = own[index + 1]?.at ?? Number.POSITIVE_INFINITY;
    return why && to > startedAt ? [{ why, from: Math.max(state.at, startedAt), to }] : [];
  });
}

function mustAlarm(evidence: Evidence, watch: Run, tenant: string, { from, to, why }: Failure): boolean {
  const { tenantRequests, production, graceMs } = evidence;
  const asked = (name: string, route: string, since: number, until: number) =>
    tenantRequests
      .filter((one) => one.tenant === name && one.route === route && one.at > since && one.at < until)
      .map(({ at }) => at);
  if (why === 'was red') return longest(asked(tenant, 'GET /admin/liveness', from, to)).length >= FAILED;
  // One that never answered counts as one that the gate cannot reach.
  if (asked(tenant, 'GET /health', watch.startedAt, from).length === 0) return false;
  // A tenant that is down sees no request: the polls of the others tell when it was asked.
  return production.some((other) => {
    const polls = longest(asked(other, 'GET /health', from, to));
    return (polls.at(-1) ?? 0) - (polls[0] ?? 0) > graceMs + SLACK_MS;
  });
}

/** The longest stretch of polls that follow one another closely. */
function longest(polls: readonly number[]): number[] {
  const stretches: number[][] = [[]];
  for (const at of polls) {
    const last = stretches.at(-1) as number[];
    if (at - (last.at(-1) ?? at) > GAP_MS) stretches.push([at]);
    else last.push(at);
  }
  return stretches.reduce((one, other) => (other.length > one.length ? other : one));
}

const short = (sha: string | null) => String(sha).slice(0, 7);
