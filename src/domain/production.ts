import type { TenantBuild } from '../contract/release.js';
import { sameBuild, shortSha } from '../contract/sha.js';
import type { SeenTenant, WatchReport } from '../contract/tenants/production.js';
import { code, prose, section, time } from './markdown.js';

/** Whether a tenant reports the build. */
export const isOn = ({ build }: Pick<TenantBuild, 'build'>, sha: string) => build !== null && sameBuild(build, sha);
/** Whether every tenant runs the build and is live. */
export const hasFollowed = (tenants: SeenTenant[], sha: string) =>
  tenants.every((tenant) => isOn(tenant, sha) && tenant.live === 'pass');

/** Outcome of a watch that ended by its deadline or because all tenants followed. */
export function outcomeOf(tenants: SeenTenant[], sha: string): 'followed' | 'partly' | 'red' {
  if (tenants.some(({ red }) => red !== undefined)) return 'red';
  return hasFollowed(tenants, sha) ? 'followed' : 'partly';
}

/** Describes how production takes a build: `18 of 20 on it; behind: acme, globex; red: initech (liveness returns a subsystems map: status 500)` */
export function describeProduction(tenants: SeenTenant[], sha: string): string {
  const on = tenants.filter((tenant) => isOn(tenant, sha));
  const red = tenants.filter((tenant) => tenant.red !== undefined);
  const behind = tenants.filter((tenant) => !on.includes(tenant) && !red.includes(tenant));
  const silent = on.filter((tenant) => tenant.live !== 'pass' && !red.includes(tenant));
  const list = (title: string, found: SeenTenant[], describe: (tenant: SeenTenant) => string) =>
    found.length === 0 ? [] : [`${title}: ${firstFew(found.map(describe))}`];
  return [
    `${on.length} of ${tenants.length} on it`,
    ...list('behind', behind, ({ tenant, build }) => (build === null ? `${tenant} (reports no build)` : tenant)),
    ...list('not known to be live', silent, ({ tenant }) => tenant),
    ...list('red', red, ({ tenant, red: check }) => `${tenant} (${check})`),
  ].join('; ');
}

const MAX_NAMES = 20;

function firstFew(names: string[]): string {
  const more = names.length - MAX_NAMES;
  return more > 0 ? `${names.slice(0, MAX_NAMES).join(', ')} and ${more} more` : names.join(', ');
}

/** Rollback command that a watch proposes; the person who runs it adds the reason. */
export const rollbackCommand = (before: string | undefined) =>
  `canary rollback ${before ? shortSha(before) : '<a good build>'} --reason "…"`;

/** State of a watch, as Markdown for its page in the Temporal UI. */
export function watchDetails({ outcome, sha, why, until, propose, tenants }: WatchReport): string {
  const ends = until ? `, ${outcome === 'watching' ? 'ends' : 'ended'} at ${time(until)}` : '';
  const lines = tenants.map(({ tenant, build, tookAt, live, red }) => {
    const runs = build === null ? 'reports no build' : `runs ${code(shortSha(build))}`;
    const took = tookAt === null ? '' : `, on this build since ${time(tookAt)}`;
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
