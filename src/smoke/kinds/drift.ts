import * as z from 'zod';
import { type Comparison, compareTenants } from '../drift/compare.js';
import { type Compared, fieldNames, type OtherTenants } from '../drift/facts.js';
import { readFields } from '../drift/read.js';
import type { Evaluation } from '../evaluate.js';
import type { Session } from '../session.js';
import { type JudgeOptions, NoJudgement, requireAccess, withoutJudgement } from './judge.js';
import { type CheckKind, unknownKeys } from './kind.js';

/** Whether a tenant is configured as production is: fails if a declared field differs. */
export interface DriftCheck extends JudgeOptions {
  kind: 'drift';
  read: readonly Compared[];
  /** It informs unless this is false. */
  observe: boolean;
}

const AT = z
  .string('must be a dotted path, e.g. flags')
  .regex(/^(?:\$|[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*)$/, 'must be a dotted path, e.g. flags')
  .max(100, 'must have at most 100 characters');
const PATHS = z.array(AT, 'must be an array of dotted paths').max(50, 'must have at most 50 paths').optional();

/** Longest list of differences that a result begins; its cut to the length of an answer follows. */
const MAX_TOLD = 10;

export const drift: CheckKind<DriftCheck> = {
  fields: {
    kind: z.literal('drift'),
    read: z
      .array(
        z.strictObject(
          {
            path: z
              .string('must be a path, e.g. /version')
              .regex(/^\/(?![/\\])[\x21-\x7e]*$/, 'must be a path, e.g. /version: exactly one slash first, no spaces'),
            as: z.enum(['admin', 'none'], 'must be admin or none').optional(),
            values: PATHS,
            keys: PATHS,
          },
          unknownKeys('must be an endpoint, e.g. { path: "/version", values: ["flags"] }'),
        ),
        'must be an array of endpoints',
      )
      .min(1, 'must not be empty')
      .max(20, 'must have at most 20 endpoints'),
  },
  problems({ read, observe, after }) {
    const names = fieldNames(read);
    const twice = names.filter((name, index) => names.indexOf(name) !== index);
    return [
      ...(observe === undefined ? ['must say observe: true (it informs) or false (it counts)'] : []),
      ...(after === undefined ? [] : ['has after, but it compares with production itself']),
      ...read.flatMap((one, at) => (fieldNames([one]).length === 0 ? [`read[${at}] needs values or keys`] : [])),
      ...[...new Set(twice)].map((name) => `compares ${name} twice: make it two checks`),
    ];
  },
  async run(session, { read }, _values, signal) {
    const started = performance.now();
    const judged = await compareWithOthers(session, read, signal).catch((error: unknown) => {
      signal.throwIfAborted();
      return withoutJudgement(error).evaluation;
    });
    return { evaluation: judged, status: null, latencyMs: Math.round(performance.now() - started) };
  },
};

/** Name of the tenant that is checked, among the others: no tenant has a blank in its name. */
const OWN = 'this tenant';

async function compareWithOthers(
  session: Session,
  read: readonly Compared[],
  signal: AbortSignal,
): Promise<Evaluation> {
  const { others } = requireAccess(session.judge);
  if (others === null) throw new NoJudgement('other tenants', 'none: this gate has no fleet');
  const [fields, rest] = await Promise.all([
    readFields(session, true, read, signal),
    others(read, session.judge, signal).catch((error: unknown) => {
      signal.throwIfAborted();
      throw new NoJudgement('other tenants', error instanceof Error ? error.message : String(error));
    }),
  ]);
  return evaluate(compareTenants(read, [{ tenant: OWN, fields }, ...rest.facts]), rest);
}

/** What a comparison means for the tenant. `measured` is for the public: declared names, and numbers. */
function evaluate({ differences, unknown }: Comparison, { fleet, facts }: OtherTenants): Evaluation {
  const others = `${facts.length} ${fleet} tenant${facts.length === 1 ? '' : 's'}`;
  const mine = differences.filter(({ groups }) => groups.some(hasOwn));
  const differing = new Set(mine.flatMap(({ groups }) => groups.flatMap((one) => (hasOwn(one) ? [] : one.tenants))));
  const silent = new Set(unknown.flatMap(({ tenant }) => tenant ?? []));
  const notKnown = [
    ...(silent.delete(OWN) ? [OWN] : []),
    ...(silent.size > 0 ? [`${silent.size} of ${others}`] : []),
    ...new Set(unknown.flatMap(({ tenant, field }) => (tenant === null ? [field] : []))),
  ];
  const fields = [...new Set(mine.map(({ field }) => field))];
  const measured = [
    ...(fields.length > 0 ? [`not as on ${differing.size} of ${others}: ${fields.join(', ')}`] : []),
    ...(notKnown.length > 0 ? [`not known: ${notKnown.join(', ')}`] : []),
  ].join('; ');
  const values = [
    ...mine.map(describe),
    ...unknown.map(({ tenant, field, why }) => `${tenant === null ? '' : `${tenant}: `}${field} not known, ${why}`),
  ];
  const [expected, got] = [`the same as on ${others}`, values.slice(0, MAX_TOLD).join('; ')];
  if (mine.length > 0) return { verdict: 'fail', expected, got, measured };
  if (unknown.length > 0) return { verdict: 'could-not-test', expected, got, measured };
  return { verdict: 'pass', expected: '', got: '', measured: expected };
}

const hasOwn = ({ tenants }: { tenants: string[] }) => tenants.includes(OWN);

function describe({ label, groups }: Comparison['differences'][number]): string {
  const rest = groups
    .filter((group) => !hasOwn(group))
    .map(
      ({ shown, tenants: [first, ...more] }) =>
        `${shown} on ${first}${more.length > 0 ? ` and ${more.length} more` : ''}`,
    );
  return `${label}: ${groups.find(hasOwn)?.shown} here, ${rest.join(', ')}`;
}
