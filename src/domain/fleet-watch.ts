import { sameBuild } from '../contract/sha.js';
import type { TenantBuild } from '../contract/tenants/build.js';
import { checksWith, type TenantSmoke } from '../contract/tenants/check.js';
import type { FleetWatchEnd } from '../contract/tenants/fleet-watch.js';
import type { Interruption, LostProof, WatchedStretch } from '../contract/tenants/watched.js';
import { rounded } from './duration.js';
import { time } from './markdown.js';

/** Rounds that a stretch may miss before it ends. */
const MISSED_ROUNDS = 3;
/** Shortest interval that counts for that: a loaded machine delays a round by as much. */
const MIN_INTERVAL_MS = 1_000;

/** Longest time without a round of probes within a stretch, in milliseconds. */
export const maxGapMs = (intervalMs: number) => MISSED_ROUNDS * Math.max(intervalMs, MIN_INTERVAL_MS);

/** Rounds that are remembered of each tenant, and the doubtful ones among them that make an interruption. */
const DOUBT_ROUNDS = 6;
const MAX_DOUBTS = 3;

/** State of a watch between two rounds, and from one worker to the next: plain JSON. */
export interface FleetWatchState {
  stretch: WatchedStretch | null;
  /** Tenants without a usable answer, or with a failed check, in the last round. */
  doubtful: Interruption[];
  /** Whether a tenant was doubtful in the last rounds, the newest last; those without a doubt are left out. */
  doubts: Record<string, boolean[]>;
  /** Checks that failed in the last round, `tenant: check`. */
  failing: string[];
}

/** What one tenant answered in a round: its build, and the read-only checks of the suite. */
export interface Probe {
  build: TenantBuild;
  smoke: TenantSmoke;
}

/** Round of probes: when it ended (epoch, ms), and the time since the last one, in ms, of which `unwatchedMs` nothing was asked. */
export interface Round {
  at: number;
  sinceLastMs: number;
  unwatchedMs: number;
  probes: Probe[];
}

/** State after a round, and the end of the watch if the round ends it. `isGood`: every tenant was on the build and answered. */
export interface Observation {
  state: FleetWatchState;
  isGood: boolean;
  end: FleetWatchEnd | null;
}

/**
 * Judges a round. A tenant that reports another build ends the watch at once; so does one that is doubtful in two rounds in a row, or in
 * three of six; RED if the same check failed in two in a row. A round with a first silence or failure proves nothing yet, and does not end the stretch.
 */
export function observe(
  before: FleetWatchState,
  { at, sinceLastMs, unwatchedMs, probes }: Round,
  { sha, unreported, gapMs }: { sha: string; unreported: string[]; gapMs: number },
): Observation {
  const time = new Date(at).toISOString();
  const isOurs = ({ tenant, build }: TenantBuild) =>
    build === null ? unreported.includes(tenant) : sameBuild(build, sha);
  const left = probes.filter(({ build }) => !build.silent && !isOurs(build));
  const doubtful = probes.flatMap(({ build, smoke }): Interruption[] => {
    const answered = doubtOf(build, smoke, unreported);
    if (answered === null) return [];
    const since = before.doubtful.find(({ tenant }) => tenant === build.tenant);
    return [since ?? { tenant: build.tenant, from: time, to: null, answered }];
  });
  const failing = checksWith(
    'fail',
    probes.map(({ smoke }) => smoke),
  );
  const isGood = left.length === 0 && doubtful.length === 0;
  const stretch = unwatchedMs > gapMs ? null : before.stretch;
  const next = { stretch: extend(stretch, isGood, time, sinceLastMs), doubtful, failing };
  const red = probes.flatMap(({ smoke }) =>
    checksWith('fail', [smoke]).some((check) => before.failing.includes(check)) ? [smoke] : [],
  );
  // One that alternates between silence and failures, or between failures, would else never end the watch.
  const doubts = Object.fromEntries(
    probes.flatMap(({ build: { tenant } }) => {
      const now = doubtful.some((one) => one.tenant === tenant);
      const rounds = [...(before.doubts[tenant] ?? []), now].slice(-DOUBT_ROUNDS);
      return rounds.includes(true) ? [[tenant, rounds]] : [];
    }),
  );
  const again = doubtful.filter(
    ({ tenant }) => isTooDoubtful(doubts[tenant] ?? []) && !red.some((smoke) => smoke.tenant === tenant),
  );
  const interrupted = [...left.map(({ build }) => leftOf(build, time)), ...again];
  const builds = probes.map(({ build }) => build);
  const end = left.length === 0 && red.length > 0 ? { red } : interrupted.length > 0 ? { interrupted, builds } : null;
  return { state: { ...next, doubts }, isGood, end };
}

/** Whether a tenant in doubt now is interrupted: doubtful in two rounds in a row, or in three of the last six. */
const isTooDoubtful = (rounds: boolean[]) => rounds.at(-2) === true || rounds.filter(Boolean).length >= MAX_DOUBTS;

function extend(stretch: WatchedStretch | null, isGood: boolean, time: string, ms: number): WatchedStretch | null {
  if (stretch === null) return isGood ? { from: time, until: time, watchedMs: 0, longestGapMs: 0, rounds: 1 } : null;
  const { from, watchedMs, longestGapMs, rounds } = stretch;
  return {
    from,
    until: time,
    watchedMs: watchedMs + ms,
    longestGapMs: Math.max(longestGapMs, ms),
    rounds: rounds + 1,
  };
}

const leftOf = ({ tenant, build, why }: TenantBuild, time: string): Interruption => ({
  tenant,
  from: time,
  to: null,
  answered: build === null ? `reports no build (${why})` : `reports ${build}`,
});

/** Why a tenant gave no usable answer, or which check failed; null if neither. The checks alone tell of one that a person accepted without a build; without one, its silence does. */
function doubtOf({ tenant, silent, why }: TenantBuild, { checks }: TenantSmoke, unreported: string[]): string | null {
  if (silent && !(unreported.includes(tenant) && checks.length > 0)) return why ?? 'no answer';
  const open = checks.find(({ verdict }) => verdict !== 'pass');
  return open ? `${open.check}: ${open.status === null ? 'no answer' : `status ${open.status}`}` : null;
}

/** Describes an interruption: `canary-2 from 2026-11-28 12:00:03 UTC to 2026-11-28 12:01:10 UTC (/health: status 503)`. */
export const describeInterruption = ({ tenant, from, to, answered }: Interruption) =>
  `${tenant} from ${time(from)}${to === null ? '' : ` to ${time(to)}`} (${answered})`;

/** Describes a stretch: `watched for 6m 20s (…) in 39 rounds, at most 11s apart`. */
export const describeStretch = ({ from, until, watchedMs, longestGapMs, rounds }: WatchedStretch) =>
  `watched for ${rounded(watchedMs)} (${time(from)} to ${time(until)}) in ${rounds} rounds, at most ${rounded(longestGapMs)} apart`;

/** One line for a person about a lost proof. */
export const describeLostProof = ({ at, why }: LostProof) =>
  `soaked again from ${time(at)} on: ${why}; an approval before that does not count`;

/** Instant by the wall clock (epoch, ms) and by the steady clock of one process; null if another process saw it. */
export interface Instant {
  wall: number;
  steady: number | null;
}

/** Time between two instants, in milliseconds; Infinity if a clock jumped by more than `jumpMs`, or went back. */
export function elapsedMs(from: Instant, to: Instant, jumpMs: number): number {
  const wall = to.wall - from.wall;
  if (from.steady === null || to.steady === null) return wall < 0 ? Number.POSITIVE_INFINITY : wall;
  const steady = to.steady - from.steady;
  return Math.abs(wall - steady) > jumpMs ? Number.POSITIVE_INFINITY : steady;
}
