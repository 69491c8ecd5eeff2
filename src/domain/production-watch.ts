import { sameBuild } from '../contract/sha.js';
import type { TenantBuild } from '../contract/tenants/build.js';
import type { Verdict } from '../contract/tenants/check.js';
import type {
  Bake,
  RollbackLimit,
  SeenTenant,
  Silence,
  WatchPlan,
  WatchState,
} from '../contract/tenants/production.js';
import { rounded } from './duration.js';
import { fitNames } from './fit.js';
import { maxGapMs } from './fleet-watch.js';

/** No poll takes longer, in milliseconds: the process was frozen. */
const LONGEST_POLL_MS = 30_000;
/** Interruptions that make a tenant red: it keeps restarting. */
const MAX_INTERRUPTIONS = 3;

/** Age from which on what a watch saw is too old for an automatic rollback, in milliseconds: production may have recovered since. */
const STALE_MS = 10 * 60_000;

const NEVER_SILENT: Silence = { inRow: 0, polls: 0, interruptions: 0, ms: 0 };

/** What one poll saw of a tenant. */
export interface PolledTenant extends TenantBuild {
  live: Verdict;
  /** Liveness check that did not pass, with its status and schema path. */
  check?: string;
  /** Judge of the suite that could not judge it. */
  unjudged?: string;
  unreached?: true;
}

/** Time of a poll, epoch in milliseconds. */
export interface PollTime {
  begun: number;
  ended: number;
}

type Limits = Pick<WatchPlan, 'pollMs' | 'bakeMs' | 'graceMs' | 'watchMs'>;

/** Whether a tenant reports the build. */
export const isOn = ({ build }: Pick<TenantBuild, 'build'>, sha: string) => build !== null && sameBuild(build, sha);

export const redTenants = (tenants: SeenTenant[]) => tenants.filter(({ red }) => red !== undefined);

/** Whether so many tenants are red that the limit is reached. */
export function isBeyond(limit: RollbackLimit, tenants: SeenTenant[]): boolean {
  const red = redTenants(tenants).length;
  return red > 0 && ('tenants' in limit ? red >= limit.tenants : red * 100 >= limit.percent * tenants.length);
}

/** Why what a watch saw is too little for a rollback without a person; null if it is enough. `now`: epoch, in milliseconds. */
export function whyTooLittle({ at, tenants }: Pick<WatchState, 'at' | 'tenants'>, now: number): string | null {
  if (tenants.every(({ unreached }) => unreached))
    return 'no tenant answers at all, so the network of the gate may be down';
  const ageMs = now - Date.parse(at);
  return ageMs > STALE_MS ? `production was last seen ${rounded(ageMs)} ago` : null;
}

/** Whether a tenant has turned red since. */
export const turnedRed = (before: SeenTenant[], now: SeenTenant[]): boolean => {
  const known = redTenants(before).map(({ tenant }) => tenant);
  return redTenants(now).some(({ tenant }) => !known.includes(tenant));
};

/** Red tenants as a search attribute may name them, which is never encrypted. */
export const redNames = (tenants: SeenTenant[], { hidesTenants }: Pick<WatchPlan, 'hidesTenants'>): string[] =>
  hidesTenants ? [] : fitNames(redTenants(tenants).map(({ tenant }) => tenant));

/** State of a watch before its first poll. `answered`: what a tenant answered at the end of the watch before. */
export const beginWatch = (names: { tenant: string; answered?: SeenTenant['answered'] }[], at: number): WatchState => ({
  at: new Date(at).toISOString(),
  watchedMs: 0,
  bake: null,
  tenants: names.map(({ tenant, answered }) => unseen(tenant, answered)),
});

const unseen = (tenant: string, answered = { build: false, live: false }): SeenTenant => ({
  tenant,
  build: null,
  why: 'not asked yet',
  tookAt: null,
  live: 'could-not-test',
  answered,
  silence: NEVER_SILENT,
});

/** The state of those tenants that the plan still has: one that left the fleet is neither red nor missing. */
export const withoutLeft = (seen: WatchState, { tenants }: Pick<WatchPlan, 'tenants'>): WatchState => ({
  ...seen,
  tenants: seen.tenants.filter(({ tenant }) => tenants.some(({ name }) => name === tenant)),
});

/** State after one more poll. A gap in the watching is no evidence: it counts neither for the bake nor against a tenant. */
export function notePoll(
  before: WatchState,
  polled: PolledTenant[],
  sha: string,
  { begun, ended }: PollTime,
  { pollMs, graceMs }: Pick<Limits, 'pollMs' | 'graceMs'>,
): WatchState {
  const last = Date.parse(before.at);
  const unwatchedMs = begun - last;
  // A clock that was set back is a gap, too.
  const isGap = unwatchedMs < 0 || ended < begun || unwatchedMs > maxGapMs(pollMs) || ended - begun > LONGEST_POLL_MS;
  const passedMs = isGap ? 0 : ended - last;
  const at = new Date(ended).toISOString();
  const known = new Map(before.tenants.map((one) => [one.tenant, one]));
  const tenants = polled.map((one) =>
    noteTenant(known.get(one.tenant) ?? unseen(one.tenant), one, { sha, at, passedMs, graceMs }),
  );
  return {
    at,
    watchedMs: before.watchedMs + passedMs,
    tenants,
    bake: nextBake(isGap ? null : before.bake, tenants, sha, at),
  };
}

/** How a watch ends now: by its proof, or by its bound; null if it goes on. */
export function endOf(
  { bake, tenants, watchedMs }: WatchState,
  { bakeMs, watchMs }: Limits,
): 'followed' | 'bound' | null {
  if (bake && lengthOf(bake) >= bakeMs) return 'followed';
  return watchedMs >= watchMs && !tenants.some(isDoubtful) ? 'bound' : null;
}

export const lengthOf = ({ from, to }: Bake) => Date.parse(to) - Date.parse(from);

/** Whether the next poll may make it red. */
const isDoubtful = ({ red, failing, silence }: SeenTenant) =>
  red === undefined && (failing !== undefined || silence.inRow > 0);

/** A bake lasts while every tenant runs the build and is live. One unanswered poll of a tenant proves nothing; two in a row end it. */
function nextBake(bake: Bake | null, tenants: SeenTenant[], sha: string, at: string): Bake | null {
  const doubted = tenants.filter(
    (tenant) =>
      !isOn(tenant, sha) || tenant.live !== 'pass' || tenant.unjudged !== undefined || tenant.red !== undefined,
  );
  if (doubted.length === 0) {
    const gapMs = bake ? Date.parse(at) - Date.parse(bake.to) : 0;
    return { from: bake?.from ?? at, to: at, longestGapMs: Math.max(bake?.longestGapMs ?? 0, gapMs) };
  }
  return doubted.every(({ silence, red }) => silence.inRow === 1 && red === undefined) ? bake : null;
}

interface Look {
  sha: string;
  at: string;
  passedMs: number;
  graceMs: number;
}

function noteTenant(before: SeenTenant, { live, check, ...build }: PolledTenant, look: Look): SeenTenant {
  const { answered } = before;
  const isOurs = isOn(build, look.sha);
  const isOther = build.build !== null && !isOurs;
  const tookAt = before.tookAt ?? (isOurs ? look.at : null);
  const noBuild = answered.build && build.build === null;
  // What fails on another build does not count against this one.
  const isSilent = noBuild || (answered.live && !isOther && live === 'could-not-test');
  // Neither does the restart that took the build, nor one of the build before.
  const isFresh = before.tookAt === null && build.build !== null;
  const silence = nextSilence(isFresh ? NEVER_SILENT : before.silence, isSilent, look.passedMs);
  const failing = !isOther && live === 'fail' ? check : undefined;
  const reason = noBuild ? build.why : check;
  const red =
    before.red ??
    (before.failing === undefined ? undefined : failing) ??
    (isSilent && isTooSilent(silence, look.graceMs) ? describeSilence(silence, reason) : undefined);
  return {
    ...build,
    tookAt,
    live,
    answered: {
      build: answered.build || build.build !== null,
      live: answered.live || live !== 'could-not-test',
    },
    silence,
    ...(failing !== undefined && { failing }),
    ...(red !== undefined && { red, redAt: before.redAt ?? look.at }),
  };
}

function nextSilence({ inRow, polls, interruptions, ms }: Silence, isSilent: boolean, passedMs: number): Silence {
  const silentMs = ms + (inRow > 0 ? passedMs : 0);
  if (!isSilent) return { inRow: 0, polls, interruptions, ms: silentMs };
  return {
    inRow: inRow + 1,
    polls: polls + 1,
    interruptions: interruptions + (inRow === 1 ? 1 : 0),
    ms: silentMs,
  };
}

/** A tenant that does not come back, and one that comes back again and again, are both unanswered for the grace in all; the second may be interrupted too often first. */
const isTooSilent = ({ inRow, polls, interruptions, ms }: Silence, graceMs: number) =>
  (polls >= 2 && ms >= graceMs) || (inRow >= 2 && interruptions >= MAX_INTERRUPTIONS);

const describeSilence = ({ interruptions, ms }: Silence, reason: string | undefined) =>
  `no answer for ${rounded(ms)}${interruptions > 1 ? ` in ${interruptions} interruptions` : ''}: ${reason ?? 'unknown'}`;
