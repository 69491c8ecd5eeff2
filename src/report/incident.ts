import type { WatchReport } from '../contract/production.js';
import { rounded } from '../domain/duration.js';
import { prose, table, words } from '../domain/markdown.js';
import type { Undone } from '../lane/rolled-back-build.js';
import { utc } from './sections.js';
import type { RunRecord } from './summary.js';

/** What a rollback undid, from all who know of it. */
export interface Incident {
  rollback: RunRecord;
  /** The release of the build that broke; null when no run of it is left. */
  broken: RunRecord | null;
  /** Null when the lane does not answer. */
  ledger: Undone | null;
  /** How production took the build that broke. */
  took: Watch;
  /** How it took the one that it went back to. */
  wentBack: Watch;
}

/** Null when nobody watched; `silent` when the watch failed, or no worker answers for it. */
export type Watch = WatchReport | 'silent' | null;

/** A production tenant that was seen on the build that broke. */
interface Hit {
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
  const { took, rollback } = incident;
  const since = liveSince(incident);
  // One that found its work done says only that it was done by then.
  const most = rollback.outcome === 'already' ? 'at most ' : '';
  const stood =
    since && rollback.ended && isThrough(rollback.outcome)
      ? [`\`:latest\` stood on it for ${most}${between(since, rollback.ended)}.`, '']
      : [];
  if (took === null || took === 'silent') {
    const why = took === null ? 'nobody watched production (`CANARY_PROD_FLEET_FILE`)' : DEAF;
    return [...stood, `**How many tenants ran it is not known**: ${why}.`];
  }
  const hits = hitsOf(incident);
  const more = hits.length - MAX_TENANTS;
  return [
    ...stood,
    `${howMany(incident, took, hits)}. Last word of the watch: ${words(took.why)}`,
    ...redLines(took),
    ...(hits.length > 0
      ? [
          '',
          ...table(
            HEADS,
            hits.slice(0, MAX_TENANTS).map((hit) => row(hit, rollback.ended)),
          ),
        ]
      : []),
    ...(more > 0 ? ['', `and ${more} more tenants`] : []),
  ];
}

const DEAF = 'the watch over production failed, or no worker answers for it';

/** Whether `:latest` is where a rollback was to bring it. */
export const isThrough = (outcome: RunRecord['outcome']) => outcome === 'rolled-back' || outcome === 'already';

/** When the build that broke went live, ISO 8601; null when nobody knows any more. */
export function liveSince({ ledger, broken }: Incident): string | null {
  return ledger?.undone?.at ?? (broken?.outcome === 'promoted' ? broken.ended : null);
}

/** Whatever the watch ended with: one that a rollback ended is superseded, and had seen red all the same. */
function redLines({ tenants }: WatchReport): string[] {
  const red = tenants.filter((one) => one.red !== undefined).map((one) => `${one.tenant} (${one.red})`);
  const more = red.length > MAX_TENANTS ? ` and ${red.length - MAX_TENANTS} more` : '';
  return red.length > 0 ? ['', `**Red on it**: ${red.slice(0, MAX_TENANTS).map(words).join(', ')}${more}`] : [];
}

/** What production did, and when: for the timeline. */
export function productionTimes(incident: Incident): { at: string; what: string }[] {
  const hits = hitsOf(incident);
  const [first] = hits.map(({ tookAt }) => tookAt).sort();
  const last = hits.map(({ backAt }) => backAt).sort();
  return [
    ...(first ? [{ at: first, what: 'the first production tenant was seen on it' }] : []),
    ...(last.length > 0 && !last.includes(null)
      ? [{ at: last.at(-1) ?? '', what: 'the last production tenant was seen back' }]
      : []),
  ];
}

function hitsOf({ took, wentBack }: Incident): Hit[] {
  const back = new Map(tenantsOf(wentBack).map(({ tenant, tookAt }) => [tenant, tookAt]));
  return tenantsOf(took).flatMap(({ tenant, tookAt }) =>
    tookAt === null ? [] : [{ tenant, tookAt, backAt: back.get(tenant) ?? null }],
  );
}

const tenantsOf = (watch: Watch) => (watch === null || watch === 'silent' ? [] : watch.tenants);

function howMany({ wentBack }: Incident, took: WatchReport, hits: Hit[]): string {
  const lasted = hits.flatMap(({ tookAt, backAt }) => (backAt ? Date.parse(backAt) - Date.parse(tookAt) : []));
  const gone = hits.length - lasted.length;
  const unseen =
    wentBack === null
      ? 'whose way back nobody watched'
      : wentBack === 'silent'
        ? `whose way back is not known: ${DEAF}`
        : 'not seen to go back';
  return [
    `**${hits.length} of ${took.tenants.length} tenants were seen on it**`,
    ...(lasted.length > 0 ? [`${rounded(Math.max(...lasted))} at the longest`] : []),
    ...(gone > 0 ? [`${gone} ${unseen}`] : []),
  ].join(', ');
}

const HEADS = ['tenant', 'seen on it at', 'seen back at', 'for'];

function row({ tenant, tookAt, backAt }: Hit, ended: string | null): string[] {
  const atLeast = ended ? `${between(tookAt, ended)} or more` : 'it goes on';
  return [
    prose(tenant),
    utc(tookAt),
    backAt ? utc(backAt) : '**not seen**',
    backAt ? between(tookAt, backAt) : atLeast,
  ];
}

const between = (from: string, to: string) => rounded(Date.parse(to) - Date.parse(from));
