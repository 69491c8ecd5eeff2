import { shortSha } from '../contract/sha.js';
import type { SeenTenant, WatchPlan, WatchReport } from '../contract/tenants/production.js';
import { rounded } from './duration.js';
import { code, prose, section, time } from './markdown.js';
import { isOn, lengthOf } from './production-watch.js';

/** Describes how production takes a build: `18 of 20 on it; behind: acme; silent: globex; red: initech (liveness returns a subsystems map: status 500)` */
export function describeProduction({
  tenants,
  sha,
  bake,
  bakingSince,
}: Pick<WatchReport, 'tenants' | 'sha' | 'bake' | 'bakingSince'>): string {
  const isSilent = ({ build, live }: SeenTenant) => build === null && live === 'could-not-test';
  const on = tenants.filter((tenant) => isOn(tenant, sha));
  const red = tenants.filter((tenant) => tenant.red !== undefined);
  const rest = tenants.filter((tenant) => tenant.red === undefined);
  const behind = rest.filter((tenant) => !on.includes(tenant) && !isSilent(tenant));
  const notLive = rest.filter((tenant) => on.includes(tenant) && tenant.live !== 'pass');
  const unjudged = rest.filter((tenant) => tenant.unjudged !== undefined);
  const list = (title: string, found: SeenTenant[], describe: (tenant: SeenTenant) => string) =>
    found.length === 0 ? [] : [`${title}: ${firstFew(found.map(describe))}`];
  return [
    `${on.length} of ${tenants.length} on it${bake ? ` for ${rounded(lengthOf(bake))}` : ''}`,
    ...(bakingSince ? [`baking since ${time(bakingSince)}`] : []),
    ...list('behind', behind, ({ tenant, build }) => (build === null ? `${tenant} (reports no build)` : tenant)),
    ...list('silent', rest.filter(isSilent), ({ tenant }) => tenant),
    ...list('not judged', unjudged, ({ tenant, unjudged: judge }) => `${tenant} (${judge})`),
    ...list('not known to be live', notLive, ({ tenant }) => tenant),
    ...list('red', red, ({ tenant, red: why }) => `${tenant} (${why})`),
  ].join('; ');
}

/** Names the tenants of a plan that have left the fleet since, as an addition to what is said of the others. */
export function describeLeft({ tenants: planned }: Pick<WatchPlan, 'tenants'>, seen: SeenTenant[]): string {
  const left = planned.filter(({ name }) => !seen.some(({ tenant }) => tenant === name));
  return left.length === 0 ? '' : `; no longer in the fleet: ${firstFew(left.map(({ name }) => name))}`;
}

const MAX_NAMES = 20;

function firstFew(names: string[]): string {
  const more = names.length - MAX_NAMES;
  return more > 0 ? `${names.slice(0, MAX_NAMES).join(', ')} and ${more} more` : names.join(', ');
}

/** Rollback command that a watch proposes. Without a known good build before, `canary rollback` lists the builds. */
export const rollbackCommand = ({ sha, before }: Pick<WatchReport, 'sha' | 'before'>) =>
  `canary rollback ${before ? `${shortSha(before)} ` : ''}--reason "${shortSha(sha)} is red in production"`;

/** State of a watch, as Markdown for its page in the Temporal UI. */
export function watchDetails({ outcome, sha, why, until, propose, tenants, bake }: WatchReport): string {
  const ends = until ? `, ${outcome === 'watching' ? 'ends' : 'ended'} at ${time(until)}` : '';
  const lines = tenants.map(({ tenant, build, tookAt, live, red }) => {
    const runs = build === null ? 'reports no build' : `runs ${code(shortSha(build))}`;
    const took = tookAt === null ? '' : `, on this build since ${time(tookAt)}`;
    return `${prose(tenant)}: ${runs}${took}; ${red ? `**red** ${prose(red)}` : `liveness ${live}`}`;
  });
  return [
    `**${outcome}** ${code(shortSha(sha))}${ends}`,
    prose(why),
    bake
      ? `Watched without a break from ${time(bake.from)} to ${time(bake.to)}, ${bake.longestGapMs} ms between two polls at most.`
      : '',
    ...(propose ? [`To go back: ${code(propose)}`] : []),
    section('Production', lines, 5_000),
  ]
    .filter((part) => part !== '')
    .join('\n\n');
}
