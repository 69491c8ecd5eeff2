import type { Sha } from '../../contract/sha.js';
import type { TenantBuild } from '../../contract/tenants/build.js';
import type { Verdict } from '../../contract/tenants/check.js';
import type { FleetSeen } from '../../contract/tenants/fleet-watch.js';
import type { ProductionSeen, SeenTenant, Silence } from '../../contract/tenants/production.js';
import { fieldsOf, isoOf, isSha, textOf } from './fields.js';

/** Longest answer of a tenant that is kept, in characters. */
const MAX_WHY = 200;

/** Parses what a watch over the canary fleet saw, which any client may send: of the tenants that are watched, and no others. Null if it is invalid. */
export function parseFleetSeen(sent: unknown, tenants: readonly string[]): FleetSeen | null {
  const { builds, from } = fieldsOf(sent);
  if (!Array.isArray(builds) || builds.length > tenants.length) return null;
  const read = builds.map(parseBuild);
  if (!read.every((one) => one !== null && tenants.includes(one.tenant))) return null;
  const since = from === null ? null : isoOf(from);
  return from !== null && since === null ? null : { builds: read as TenantBuild[], from: since };
}

function parseBuild(sent: unknown): TenantBuild | null {
  const { tenant, build, why, detail, silent } = fieldsOf(sent);
  if (typeof tenant !== 'string' || !(build === null || isSha(build))) return null;
  if (![why, detail].every((text) => text === undefined || typeof text === 'string')) return null;
  const [reason, more] = [why, detail].map((text) => textOf(text, MAX_WHY));
  return {
    tenant,
    build: build as Sha | null,
    ...(reason && { why: reason }),
    ...(more && { detail: more }),
    ...(silent === true && { silent }),
  };
}

/** Parses what a watch over production saw, which any client may send: of the tenants that are watched, and no others. Null if it is invalid. */
export function parseProductionSeen(sent: unknown, tenants: readonly string[]): ProductionSeen | null {
  const { tenants: seen, bakingSince } = fieldsOf(sent);
  if (!Array.isArray(seen) || seen.length > tenants.length) return null;
  const read = seen.map(parseSeenTenant);
  if (!read.every((one) => one !== null && tenants.includes(one.tenant))) return null;
  const since = bakingSince === null ? null : isoOf(bakingSince);
  return bakingSince !== null && since === null ? null : { tenants: read as SeenTenant[], bakingSince: since };
}

const VERDICTS: readonly unknown[] = ['pass', 'fail', 'could-not-test'] satisfies Verdict[];
const SILENCE = ['inRow', 'polls', 'interruptions', 'ms'] as const satisfies (keyof Silence)[];

/** Parses what was seen of one production tenant; null if it is invalid. */
export function parseSeenTenant(sent: unknown): SeenTenant | null {
  const build = parseBuild(sent);
  const { tookAt, live, failing, answered, silence, unjudged, red, redAt } = fieldsOf(sent);
  const took = tookAt === null ? null : isoOf(tookAt);
  const { build: hasBuild, live: hasLive } = fieldsOf(answered);
  const counts = SILENCE.map((key) => [key, fieldsOf(silence)[key]] as const);
  const optional = [failing, unjudged, red, redAt].every((text) => text === undefined || typeof text === 'string');
  const isValid =
    VERDICTS.includes(live) &&
    typeof hasBuild === 'boolean' &&
    typeof hasLive === 'boolean' &&
    counts.every(([, count]) => Number.isFinite(count));
  if (build === null || !isValid || !optional || (tookAt !== null && took === null)) return null;
  const [fails, judge, why, at] = [...[failing, unjudged, red].map((text) => textOf(text, MAX_WHY)), isoOf(redAt)];
  return {
    ...build,
    tookAt: took,
    live: live as Verdict,
    ...(fails && { failing: fails }),
    answered: { build: hasBuild, live: hasLive },
    silence: Object.fromEntries(counts) as unknown as Silence,
    ...(judge && { unjudged: judge }),
    ...(why && { red: why }),
    ...(at && { redAt: at }),
  };
}
