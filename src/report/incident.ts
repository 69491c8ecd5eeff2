import { rounded } from '../domain/duration.js';
import type { Undone } from '../domain/lane/undone.js';
import { prose, table, words } from '../domain/markdown.js';
import type { WatchReport } from '../domain/production.js';
import type { RunRecord } from './run-record.js';
import { utc } from './sections.js';

/** What a rollback undid, from all who know of it. */
export interface Incident {
  rollback: RunRecord;
  /** The release of the build that broke; null when no run of it is left. */
  broken: RunRecord | null;
  /** Null when the lane does not answer. */
  ledger: Undone | null;
  /** How production took the build that broke; null when nobody watched. */
  took: WatchReport | null;
  /** How it took the one that it went back to. */
  wentBack: WatchReport | null;
}

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
  const stood = since && rollback.ended ? [`\`:latest\` stood on it for ${between(since, rollback.ended)}.`, ''] : [];
  if (took === null)
    return [
      ...stood,
      '**How many tenants ran it is not known**: nobody watched production (`CANARY_PROD_FLEET_FILE`).',
    ];
  const hits = hitsOf(incident);
  const more = hits.length - MAX_TENANTS;
  return [
    ...stood,
    `${howMany(incident, hits)}. Last word of the watch: ${words(took.why)}`,
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

/** When the build that broke went live, ISO 8601; null when nobody knows any more. */
export const liveSince = ({ ledger, broken }: Incident) => ledger?.undone?.at ?? broken?.ended ?? null;

/** What production did, and when: for the timeline. */
export function productionTimes(incident: Incident): { at: string; what: string }[] {
  const hits = hitsOf(incident);
  const [first] = hits.map(({ tookAt }) => tookAt).sort();
  const last = hits.map(({ backAt }) => backAt).sort();
  const { took } = incident;
  return [
    ...(first ? [{ at: first, what: 'the first production tenant was seen on it' }] : []),
    ...(took?.outcome === 'red' && took.until ? [{ at: took.until, what: 'production was found red' }] : []),
    ...(last.length > 0 && !last.includes(null)
      ? [{ at: last.at(-1) ?? '', what: 'the last production tenant was seen back' }]
      : []),
  ];
}

function hitsOf({ took, wentBack }: Incident): Hit[] {
  const back = new Map(wentBack?.tenants.map(({ tenant, tookAt }) => [tenant, tookAt]));
  return (took?.tenants ?? []).flatMap(({ tenant, tookAt }) =>
    tookAt === null ? [] : [{ tenant, tookAt, backAt: back.get(tenant) ?? null }],
  );
}

function howMany({ took, wentBack }: Incident, hits: Hit[]): string {
  const lasted = hits.flatMap(({ tookAt, backAt }) => (backAt ? Date.parse(backAt) - Date.parse(tookAt) : []));
  const gone = hits.length - lasted.length;
  const unseen = wentBack ? 'not seen to go back' : 'whose way back nobody watched';
  return [
    `**${hits.length} of ${took?.tenants.length} tenants were seen on it**`,
    ...(lasted.length > 0 ? [`${rounded(Math.max(...lasted))} at the longest`] : []),
    ...(gone > 0 ? [`${gone} ${unseen}`] : []),
  ].join(', ');
}

const HEADS = ['tenant', 'seen on it at', 'seen back at', 'for'];

function row({ tenant, tookAt, backAt }: Hit, ended: string | null): string[] {
  const atLeast = ended ? `${between(tookAt, ended)} or more` : '?';
  return [
    prose(tenant),
    utc(tookAt),
    backAt ? utc(backAt) : '**not seen**',
    backAt ? between(tookAt, backAt) : atLeast,
  ];
}

const between = (from: string, to: string) => rounded(Date.parse(to) - Date.parse(from));
