import type { WatchReport } from '../contract/tenants/production.js';
import { rounded } from '../domain/duration.js';
import { prose, redactedProse, table } from '../domain/markdown.js';
import type { RolledBackBuild } from './rolled-back-build.js';
import { utc } from './sections.js';
import type { RunRecord } from './summary.js';

/** Facts about the build that a rollback left, from every source that has any. */
export interface Incident {
  rollback: RunRecord;
  /** Release of the build that broke; null if no run of it is kept. */
  broken: RunRecord | null;
  /** Null if the lane does not answer. */
  ledger: RolledBackBuild | null;
  /** Production watch of the build that broke. */
  brokenWatch: WatchResult;
  /** Production watch of the build that the rollback restored. */
  targetWatch: WatchResult;
}

/** Null without a watch; `silent` if the watch failed, or no worker answers for it. */
export type WatchResult = WatchReport | 'silent' | null;

/** A production tenant that was seen on the build that broke. */
interface AffectedTenant {
  tenant: string;
  /** ISO 8601. */
  tookAt: string;
  /** Time it was first seen on the good build again; null until then. */
  backAt: string | null;
}

/** Tenants that are listed one by one. */
const MAX_TENANTS = 100;

/** Lines on how long the build that broke was live, and which tenants ran it for how long. */
export function productionSection(incident: Incident): string[] {
  const { brokenWatch, rollback } = incident;
  const since = liveSince(incident);
  // A rollback that found `:latest` on its target knows only that the move happened before.
  const atMost = rollback.outcome === 'already' ? 'at most ' : '';
  const liveLines =
    since && rollback.ended && isRolledBack(rollback.outcome)
      ? [`\`:latest\` pointed to it for ${atMost}${durationBetween(since, rollback.ended)}.`, '']
      : [];
  if (brokenWatch === null || brokenWatch === 'silent') {
    const why = brokenWatch === null ? 'production was not watched (`CANARY_PROD_FLEET_FILE`)' : WATCH_UNAVAILABLE;
    return [...liveLines, `**How many tenants ran it is not known**: ${why}.`];
  }
  const affected = affectedTenants(incident);
  const more = affected.length - MAX_TENANTS;
  return [
    ...liveLines,
    `${affectedSummary(incident, brokenWatch, affected)}. Last status of the watch: ${redactedProse(brokenWatch.why)}`,
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

const WATCH_UNAVAILABLE = 'the production watch failed, or no worker answers for it';

/** Whether `:latest` is where a rollback was to bring it. */
export const isRolledBack = (outcome: RunRecord['outcome']) => outcome === 'rolled-back' || outcome === 'already';

/** Time the build that broke went live, ISO 8601; null if no record is kept. */
export function liveSince({ ledger, broken }: Incident): string | null {
  return ledger?.rolledBackMove?.at ?? (broken?.outcome === 'promoted' ? broken.ended : null);
}

/** Red tenants, for every outcome: a watch that a rollback ended is superseded, and may have seen red before. */
function redLines({ tenants }: WatchReport): string[] {
  const red = tenants.filter((one) => one.red !== undefined).map((one) => `${one.tenant} (${one.red})`);
  const more = red.length > MAX_TENANTS ? ` and ${red.length - MAX_TENANTS} more` : '';
  return red.length > 0 ? ['', `**Red on it**: ${red.slice(0, MAX_TENANTS).map(redactedProse).join(', ')}${more}`] : [];
}

/** Times of production for the timeline. */
export function productionTimes(incident: Incident): { at: string; what: string }[] {
  const affected = affectedTenants(incident);
  const [first] = affected.map(({ tookAt }) => tookAt).sort();
  const last = affected.map(({ backAt }) => backAt).sort();
  const [red] = tenantsOf(incident.brokenWatch)
    .flatMap(({ redAt }) => redAt ?? [])
    .sort();
  return [
    ...(first ? [{ at: first, what: 'the first production tenant was seen on it' }] : []),
    ...(red ? [{ at: red, what: 'the first production tenant was red' }] : []),
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
      ? 'whose return was not watched'
      : targetWatch === 'silent'
        ? `whose return is not known: ${WATCH_UNAVAILABLE}`
        : 'not seen to go back';
  return [
    `**${affected.length} of ${brokenWatch.tenants.length} tenants were seen on it**`,
    ...(durations.length > 0 ? [`${rounded(Math.max(...durations))} at the longest`] : []),
    ...(notSeenBack > 0 ? [`${notSeenBack} ${notSeenBackReason}`] : []),
  ].join(', ');
}

const HEADERS = ['tenant', 'seen on it at', 'seen back at', 'for'];

function row({ tenant, tookAt, backAt }: AffectedTenant, ended: string | null): string[] {
  const atLeast = ended ? `${durationBetween(tookAt, ended)} or more` : 'still on it';
  return [
    prose(tenant),
    utc(tookAt),
    backAt ? utc(backAt) : '**not seen**',
    backAt ? durationBetween(tookAt, backAt) : atLeast,
  ];
}

const durationBetween = (from: string, to: string) => rounded(Date.parse(to) - Date.parse(from));
