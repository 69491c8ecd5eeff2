import { InvalidInput, invalid, shown } from '../../contract/brand.js';
import { parseRepository, parseTag } from '../../contract/image.js';
import type { Plan, PlannedTenant } from '../../contract/release.js';
import type { BuildSource } from '../../contract/tenants/build.js';
import type { FleetWatchInput } from '../../contract/tenants/fleet-watch.js';
import type { Bake, WatchPlan, WatchState } from '../../contract/tenants/production.js';
import type { WatchedStretch } from '../../contract/tenants/watched.js';
import { fieldsOf, isoOf, isText } from './fields.js';
import { parseSeenTenant } from './seen.js';

// Plans travel through histories, and come back as arguments of activities, which any workflow may call: nothing in them is taken on trust.

/** Most tenants, images and sources in one plan. */
const MAX_LIST = 10_000;
/** Shortest pause between two polls, in milliseconds: a plan is no way to flood a tenant. */
const MIN_POLL_MS = 10;
/** Longest time of a plan, in milliseconds. */
const MAX_MS = 366 * 24 * 3_600_000;

/** Parses the plan of a release.
 * @throws {InvalidInput} */
export function parsePlan(sent: unknown): Plan {
  const given = fieldsOf(sent);
  const { approval, tag } = given;
  const budget = fieldsOf(given.retryBudgetMs);
  if (approval !== 'auto' && approval !== 'required') throw invalid('approval', approval, 'auto or required');
  return {
    images: listOf('images', given.images, parseRepository),
    tenants: listOf('tenants', given.tenants, parsePlannedTenant),
    ...(tag !== undefined && { tag: parseTag(tag) }),
    buildProbe: listOf('buildProbe', given.buildProbe, parseBuildSource),
    soakMs: duration('soakMs', given.soakMs),
    pollMs: duration('pollMs', given.pollMs, MIN_POLL_MS),
    updateTimeoutMs: duration('updateTimeoutMs', given.updateTimeoutMs),
    soakProbeMs: duration('soakProbeMs', given.soakProbeMs, MIN_POLL_MS),
    approval,
    holdTimeoutMs: duration('holdTimeoutMs', given.holdTimeoutMs),
    holdGraceMs: duration('holdGraceMs', given.holdGraceMs),
    retryBudgetMs: {
      registry: duration('retryBudgetMs', budget.registry),
      secret: duration('retryBudgetMs', budget.secret),
      smoke: duration('retryBudgetMs', budget.smoke),
    },
  };
}

/** Parses a tenant of a plan.
 * @throws {InvalidInput} */
export function parsePlannedTenant(sent: unknown): PlannedTenant {
  const { name, origin, buildProbe } = fieldsOf(sent);
  if (!isText(name)) throw invalid('tenant', name, 'its name');
  // A URL that is more than its origin would be looked up as that origin, and asked as what it is.
  // It is not repeated: it may contain a password.
  if (!isText(origin) || !URL.canParse(origin) || new URL(origin).origin !== origin)
    throw new InvalidInput(`invalid origin of tenant ${shown(name)}: expected e.g. https://canary-1.example.com`);
  return {
    name,
    origin,
    ...(buildProbe !== undefined && { buildProbe: listOf('buildProbe', buildProbe, parseBuildSource) }),
  };
}

/** Parses where a tenant reports its build: a path on its own origin.
 * @throws {InvalidInput} */
function parseBuildSource(sent: unknown): BuildSource {
  const { path, field } = fieldsOf(sent);
  if (!isText(path) || !/^\/(?![/\\])[^\s#?]*$/.test(path)) throw invalid('build probe', path, 'a path, e.g. /health');
  if (!isText(field)) throw invalid('build probe', field, 'a field of JSON, e.g. sha');
  return { path, field };
}

/** Parses the input of a watch over the canaries.
 * @throws {InvalidInput} */
export function parseFleetWatchInput(sent: unknown): FleetWatchInput {
  const { soakMs, unreported, stretch } = fieldsOf(sent);
  return {
    soakMs: soakMs === null ? null : duration('soakMs', soakMs),
    unreported: listOf('unreported', unreported, parseName),
    stretch: stretch === null ? null : parseStretch(stretch),
  };
}

function parseName(sent: unknown): string {
  if (!isText(sent)) throw invalid('tenant', sent, 'its name');
  return sent;
}

function parseStretch(sent: unknown): WatchedStretch {
  const { from, until, watchedMs, longestGapMs, rounds, left } = fieldsOf(sent);
  return {
    from: time('stretch', from),
    until: time('stretch', until),
    watchedMs: duration('stretch', watchedMs),
    longestGapMs: duration('stretch', longestGapMs),
    rounds: duration('stretch', rounds),
    ...(left !== undefined && { left: listOf('left', left, parseName) }),
  };
}

/** Parses the plan of a watch over production.
 * @throws {InvalidInput} */
export function parseWatchPlan(sent: unknown): WatchPlan {
  const given = fieldsOf(sent);
  return {
    tenants: listOf('tenants', given.tenants, parsePlannedTenant),
    buildProbe: listOf('buildProbe', given.buildProbe, parseBuildSource),
    pollMs: duration('pollMs', given.pollMs, MIN_POLL_MS),
    bakeMs: duration('bakeMs', given.bakeMs),
    graceMs: duration('graceMs', given.graceMs),
    watchMs: duration('watchMs', given.watchMs),
    shiftMs: duration('shiftMs', given.shiftMs),
    // A test takes the minute back that a shift may overshoot by.
    awayMs: duration('awayMs', given.awayMs, -60_000),
  };
}

/** Parses what a watch over production has seen so far.
 * @throws {InvalidInput} */
export function parseWatchState(sent: unknown): WatchState {
  const { at, watchedMs, tenants, bake } = fieldsOf(sent);
  return {
    at: time('at', at),
    watchedMs: duration('watchedMs', watchedMs),
    tenants: listOf('tenants', tenants, (one) => {
      const seen = parseSeenTenant(one);
      if (seen === null) throw invalid('tenant', one, 'what was seen of it');
      return seen;
    }),
    bake: bake === null ? null : parseBake(bake),
  };
}

function parseBake(sent: unknown): Bake {
  const { from, to, longestGapMs } = fieldsOf(sent);
  return { from: time('bake', from), to: time('bake', to), longestGapMs: duration('bake', longestGapMs) };
}

/** Parses a list, which is not too long.
 * @throws {InvalidInput} */
export function listOf<T>(name: string, sent: unknown, parse: (one: unknown) => T, most = MAX_LIST): T[] {
  if (!Array.isArray(sent) || sent.length > most) throw invalid(name, sent, `a list of at most ${most}`);
  return sent.map(parse);
}

/** Parses a time in milliseconds.
 * @throws {InvalidInput} */
export function duration(name: string, sent: unknown, least = 0): number {
  if (typeof sent === 'number' && sent >= least && sent <= MAX_MS) return sent;
  throw invalid(name, sent, `a number from ${least} to ${MAX_MS}`);
}

function time(name: string, sent: unknown): string {
  const iso = isoOf(sent);
  if (iso === null) throw invalid(name, sent, 'a time');
  return iso;
}
