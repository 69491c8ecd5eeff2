import type { Verdict } from '../contract/check.js';
import type { BuildSource, PlannedTenant, TenantBuild } from '../contract/release.js';
import { type Sha, sameBuild, shortSha } from '../contract/sha.js';
import { code, prose, section, time } from './markdown.js';

/** What starts a `WatchProduction`. */
export interface WatchInput {
  sha: Sha;
  /** When the move was that it follows, ISO 8601; from its own start on without it. */
  movedAt?: string;
  /** The good build that was live before: where a rollback would go. */
  before?: Sha;
}

/** What a watch goes by. No secret is in it. */
export interface WatchPlan {
  tenants: PlannedTenant[];
  buildProbe: BuildSource[];
  /** Two update cycles. */
  watchMs: number;
  pollMs: number;
}

/** What was last seen of a production tenant. */
export interface SeenTenant extends TenantBuild {
  /** When it was first seen on the build, ISO 8601; null while it was not. */
  tookAt: string | null;
  /** Whether it passes the first read-only check of the suite. */
  live: Verdict;
  /** That check, with the status and where the answer did not fit, while it fails on a tenant that does not say that it runs another build. */
  failing?: string;
  /** The same once it has failed twice in a row. */
  red?: string;
}

/** How a watch ends. */
export const WATCH_OUTCOMES = {
  followed: 'Every production tenant runs the build and is live.',
  partly: 'Two update cycles are over, and some are behind or do not answer.',
  red: 'A tenant that took the build fails.',
  superseded: 'A newer promotion or rollback is watched instead.',
} as const;
export type WatchOutcome = keyof typeof WATCH_OUTCOMES;

/** The answer of the query `status`, and the result. */
export interface WatchReport extends WatchInput {
  outcome: WatchOutcome | 'watching';
  /** The gist, one line. */
  why: string;
  /** The command to go back with, when production is red; nothing is ever moved by a watch. */
  propose: string | null;
  tenants: SeenTenant[];
  /** ISO 8601. */
  started: string;
  /** When it ends by itself, or ended. */
  until: string | null;
}

export const isOn = ({ build }: Pick<TenantBuild, 'build'>, sha: string) => build !== null && sameBuild(build, sha);
export const hasFollowed = (tenants: SeenTenant[], sha: string) =>
  tenants.every((tenant) => isOn(tenant, sha) && tenant.live === 'pass');

export function outcomeOf(tenants: SeenTenant[], sha: string): 'followed' | 'partly' | 'red' {
  if (tenants.some(({ red }) => red !== undefined)) return 'red';
  return hasFollowed(tenants, sha) ? 'followed' : 'partly';
}

/** `18 of 20 on it; behind: acme, globex; red: initech (liveness returns a subsystems map: status 500)` */
export function productionWords(tenants: SeenTenant[], sha: string): string {
  const on = tenants.filter((tenant) => isOn(tenant, sha));
  const red = tenants.filter((tenant) => tenant.red !== undefined);
  const behind = tenants.filter((tenant) => !on.includes(tenant) && !red.includes(tenant));
  const silent = on.filter((tenant) => tenant.live !== 'pass' && !red.includes(tenant));
  const list = (title: string, found: SeenTenant[], words: (tenant: SeenTenant) => string) =>
    found.length === 0 ? [] : [`${title}: ${firstFew(found.map(words))}`];
  return [
    `${on.length} of ${tenants.length} on it`,
    ...list('behind', behind, ({ tenant, build }) => (build === null ? `${tenant} (tells no build)` : tenant)),
    ...list('not known to be live', silent, ({ tenant }) => tenant),
    ...list('red', red, ({ tenant, red: check }) => `${tenant} (${check})`),
  ].join('; ');
}

const MAX_NAMES = 20;

function firstFew(names: string[]): string {
  const more = names.length - MAX_NAMES;
  return more > 0 ? `${names.slice(0, MAX_NAMES).join(', ')} and ${more} more` : names.join(', ');
}

/** What a watch proposes; whoever does it gives the reason. */
export const rollbackCommand = (before: string | undefined) =>
  `canary rollback ${before ? shortSha(before) : '<a good build>'} --reason "…"`;

/** A watch, as Markdown for its page in the Temporal UI. */
export function watchDetails({ outcome, sha, why, until, propose, tenants }: WatchReport): string {
  const ends = until ? `, ${outcome === 'watching' ? 'ends by itself' : 'ended'} at ${time(until)}` : '';
  const lines = tenants.map(({ tenant, build, tookAt, live, red }) => {
    const runs = build === null ? 'tells no build' : `runs ${code(shortSha(build))}`;
    const took = tookAt === null ? '' : `, took this one by ${time(tookAt)}`;
    return `${prose(tenant)}: ${runs}${took}; ${red ? `**red** ${prose(red)}` : `liveness ${live}`}`;
  });
  return [
    `**${outcome}** ${code(shortSha(sha))}${ends}`,
    prose(why),
    ...(propose ? [`To go back: ${code(propose)}`] : []),
    section('Production', lines, 5_000),
  ]
    .filter((part) => part !== '')
    .join('\n\n');
}
