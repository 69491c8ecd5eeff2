import type { WatchReport } from '../contract/production.js';
import { rounded } from '../domain/duration.js';
import { prose, redactedProse, table } from '../domain/markdown.js';
import type { RolledBackBuild } from '../lane/rolled-back-build.js';
import { utc } from './sections.js';
import type { RunRecord } from './summary.js';

/** What a rollback undid, from all who know of it. */
export interface Incident {
  rollback: RunRecord;
  /** The release of the build that broke; null when no run of it is left. */
  broken: RunRecord | null;
  /** Null when the lane does not answer. */
  ledger: RolledBackBuild | null;
  /** How production took the build that broke. */
  brokenWatch: WatchResult;
  /** How it took the one that it went back to. */
  targetWatch: WatchResult;
}

/** Null when nobody watched; `silent` when the watch failed, or no worker answers for it. */
export type WatchResult = WatchReport | 'silent' | null;

/** A production tenant that was seen on the build that broke. */
interface AffectedTenant {
  tenant: string;
  /** ISO 8601. */
  tookAt: string;
  /** When it was first seen on the good build again; null while it was not. */
  backAt: string | null;
}

/** Tenants that are told one by one. */
const MAX_TENANTS = 100;

/** How long the build that broke was live, and how many tenants ran it, which, and for how long. */
export function productionSection(incident: Incident): string[] {
  const { brokenWatch, rollback } = incident;
  const since = liveSince(incident);
  // One that found its work done says only that it was done by then.
  const atMost = rollback.outcome === 'already' ? 'at most ' : '';
  const liveLines =
    since && rollback.ended && isRolledBack(rollback.outcome)
      ? [`\`:latest\` stood on it for ${atMost}${durationBetween(since, rollback.ended)}.`, '']
      : [];
  if (brokenWatch === null || brokenWatch === 'silent') {
    const why = brokenWatch === null ? 'nobody watched production (`CANARY_PROD_FLEET_FILE`)' : WATCH_UNAVAILABLE;
    return [...liveLines, `**How many tenants ran it is not known**: ${why}.`];
  }
  const affected = affectedTenants(incident);
  const more = affected.length - MAX_TENANTS;
  return [
    ...liveLines,
    `${affectedSummary(incident, brokenWatch, affected)}. Last word of the watch: ${redactedProse(brokenWatch.why)}`,
    ...redLines(brokenWatch),
    ...(affected.length > 0
      ? [
          '',
          ...table(
            HEADERS,
            affected.slice(0, MAX_TENANTS).map((affectedTenant) => row(affectedTenant, rollback.ended)),
          ),
        ]
      : []),
    ...(more > 0 ? ['', `and ${more} more tenants`] : []),
  ];
}

const WATCH_UNAVAILABLE = 'the watch over production failed, or no worker answers for it';

/** Whether `:latest` is where a rollback was to bring it. */
export const isRolledBack = (outcome: RunRecord['outcome']) => outcome === 'rolled-back' || outcome === 'already';

/** When the build that broke went live, ISO 8601; null when nobody knows any more. */
export function liveSince({ ledger, broken }: Incident): string | null {
  return ledger?.undone?.at ?? (broken?.outcome === 'promoted' ? broken.ended : null);
}

/** Whatever the watch ended with: one that a rollback ended is superseded, and had seen red all the same. */
function redLines({ tenants }: WatchReport): string[] {
  const red = tenants.filter((one) => one.red !== undefined).map((one) => `${one.tenant} (${one.red})`);
  const more = red.length > MAX_TENANTS ? ` and ${red.length - MAX_TENANTS} more` : '';
  return red.length > 0 ? ['', `**Red on it**: ${red.slice(0, MAX_TENANTS).map(redactedProse).join(', ')}${more}`] : [];
}

/** What production did, and when: for the timeline. */
export function productionTimes(incident: Incident): { at: string; what: string }[] {
  const affected = affectedTenants(incident);
  const [first] = affected.map(({ tookAt }) => tookAt).sort();
  const last = affected.map(({ backAt }) => backAt).sort();
  return [
    ...(first ? [{ at: first, what: 'the first production tenant was seen on it' }] : []),
    ...(last.length > 0 && !last.includes(null)
      ? [{ at: last.at(-1) ?? '', what: 'the last production tenant was seen back' }]
      : []),
  ];
}

function affectedTenants({ brokenWatch, targetWatch }: Incident): AffectedTenant[] {
  const back = new Map(tenantsOf(targetWatch).map(({ tenant, tookAt }) => [tenant, tookAt]));
  return tenantsOf(brokenWatch).flatMap(({ tenant, tookAt }) =>
    tookAt === null ? [] : [{ tenant, tookAt, backAt: back.get(tenant) ?? null }],
  );
}

const tenantsOf = (watch: WatchResult) => (watch === null || watch === 'silent' ? [] : watch.tenants);

function affectedSummary({ targetWatch }: Incident, brokenWatch: WatchReport, affected: AffectedTenant[]): string {
  const durations = affected.flatMap(({ tookAt, backAt }) => (backAt ? Date.parse(backAt) - Date.parse(tookAt) : []));
  const notSeenBack = affected.length - durations.length;
  const notSeenBackReason =
    targetWatch === null
      ? 'whose way back nobody watched'
      : targetWatch === 'silent'
        ? `whose way back is not known: ${WATCH_UNAVAILABLE}`
        : 'not seen to go back';
  return [
    `**${affected.length} of ${brokenWatch.tenants.length} tenants were seen on it**`,
    ...(durations.length > 0 ? [`${rounded(Math.max(...durations))} at the longest`] : []),
    ...(notSeenBack > 0 ? [`${notSeenBack} ${notSeenBackReason}`] : []),
  ].join(', ');
}

const HEADERS = ['tenant', 'seen on it at', 'seen back at', 'for'];

function row({ tenant, tookAt, backAt }: AffectedTenant, ended: string | null): string[] {
  const atLeast = ended ? `${durationBetween(tookAt, ended)} or more` : 'it goes on';
  return [
    prose(tenant),
    utc(tookAt),
    backAt ? utc(backAt) : '**not seen**',
    backAt ? durationBetween(tookAt, backAt) : atLeast,
  ];
}

const durationBetween = (from: string, to: string) => rounded(Date.parse(to) - Date.parse(from));
