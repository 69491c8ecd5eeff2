import type { Decision } from '../contract/hold.js';
import type { BuildVerdict, CheckResult, TenantSmoke, Verdict } from '../contract/tenants/check.js';
import { rounded } from '../domain/duration.js';
import { describeInterruption, describeStretch } from '../domain/fleet-watch.js';
import { code, prose, redactedProse, table, time } from '../domain/markdown.js';
import { describeChange } from '../domain/one-build.js';
import { latestOf, type RunSummary } from './summary.js';

/** Failing checks that are listed one by one; a count follows, because a step summary is limited to 1 MiB. */
export const MAX_FAILING = 50;
const MAX_TENANTS = 100;

/**
 * Lists each failing check with what it proves, and the public part of the answer: status and schema path (I5).
 * @param answers adds the expected and the actual answer, which are not for the public.
 */
export function failingSection(tenants: TenantSmoke[], verdict: Verdict, title: string, answers = false): string[] {
  const all = tenants.flatMap(({ tenant, checks }) =>
    checks
      .filter((check) => check.verdict === verdict)
      .map((check) => [failingLine(tenant, check), ...(answers ? answerLines(check) : [])].join('\n')),
  );
  return section(title, firstOf(all));
}

function firstOf(all: string[]): string[] {
  const more = all.length - MAX_FAILING;
  return [...all.slice(0, MAX_FAILING), ...(more > 0 ? [`- and ${more} more`] : [])];
}

function failingLine(tenant: string, { check, proves, status, schemaPath, tries }: CheckResult): string {
  const what = [
    status === null ? 'no answer' : `status ${status}`,
    ...(schemaPath ? [`schema path ${code(schemaPath)}`] : []),
    ...(tries && tries > 1 ? [`${tries} tries`] : []),
  ];
  return `- **${prose(tenant)}**: **${prose(check)}** — ${what.join(', ')}. A pass shows: ${prose(proves)}`;
}

const answerLines = ({ expected, got }: CheckResult) => [`  - expected: ${code(expected)}`, `  - got: ${code(got)}`];

/** States that canary rejected the build before: when, in which run, and the failed checks. */
export const rejectionLines = ({ at, runId, failed }: BuildVerdict): string[] => [
  `**REJECTED BY CANARY** on ${utc(at)} UTC, run ${code(runId)}:`,
  '',
  ...failed.map((check) => `- ${prose(check)}`),
];

export function imagesSection({ images }: RunSummary): string[] {
  const digest = (one: string | null) => (one ? code(one) : 'none');
  const rows = images.map((image) => {
    const { before, after } = latestOf(image);
    return [
      code(image.repository),
      digest(image.digest),
      digest(before),
      digest(after),
      image.unchanged ? 'kept: no image of this build' : 'result' in image ? image.result : 'not moved',
    ];
  });
  if (rows.length === 0) return [];
  const changes = images.flatMap(({ repository, change }) =>
    change ? [`- ${code(repository)}: ${describeChange(change)}`] : [],
  );
  const lines = table(['image', 'this build', ':latest before', ':latest after', ''], rows);
  return section('Images', changes.length > 0 ? [...lines, '', ...changes] : lines);
}

export function timeSection({ phases }: RunSummary): string[] {
  if (phases.length === 0) return [];
  const rows = phases.map(({ phase, hold, since, until, ms, visits }) => [
    hold ? `${phase}: ${hold}` : phase,
    utc(since),
    `${rounded(ms)}${until === null ? ' so far' : ''}`,
    visits > 1 ? `${visits} times` : '',
  ]);
  return section('Time', table(['phase', 'from (UTC)', 'took', ''], rows));
}

const MARKS: Record<Verdict, string> = { pass: '✓', fail: '✗', 'could-not-test': '?' };

/** Table of tenants and checks; tenants with failures first. */
export function tenantsSection({ tenants, tenantsLeftOut }: RunSummary): string[] {
  if (tenants.length === 0) return [];
  const checks = [...new Set(tenants.flatMap((one) => one.checks.map(({ check }) => check)))];
  const reds = ({ checks: done }: TenantSmoke) => done.filter(({ verdict }) => verdict !== 'pass').length;
  const rows = [...tenants]
    .sort((a, b) => reds(b) - reds(a))
    .slice(0, MAX_TENANTS)
    .map(({ tenant, checks: done, passed }) => [
      prose(tenant),
      ...checks.map((name) => {
        const result = done.find(({ check }) => check === name);
        if (result) return MARKS[result.verdict];
        // A report that would be too long only counts the checks that passed.
        return passed ? MARKS.pass : '';
      }),
    ]);
  const more = tenants.length - rows.length + tenantsLeftOut;
  return section('Tenants', [
    ...table(['tenant', ...checks.map(prose)], rows),
    ...(more > 0 ? ['', `and ${more} more tenants`] : []),
  ]);
}

/** What judges measured, and what was only observed: it says nothing about the verdict. The measured text has numbers, and words of the suite, alone. */
export function measuredSection({ tenants }: RunSummary): string[] {
  const lines = measuredOf(tenants)
    .filter(({ kind }) => kind === undefined)
    .map(
      ({ tenant, check, verdict, measured, isObserved }) =>
        `- **${prose(tenant)}**: **${prose(check)}** — ${[verdict, ...(measured ? [prose(measured)] : [])].join(', ')}${isObserved ? ' (observed only)' : ''}`,
    );
  return section('Measured', firstOf(lines));
}

/**
 * How the configuration of the canary tenants differs from that of production: the names of fields that the suite declares.
 * @param answers adds the values, which are not for the public.
 */
export function driftSection({ tenants }: RunSummary, answers = false): string[] {
  const lines = measuredOf(tenants)
    .filter(({ kind }) => kind === 'drift')
    .map(({ tenant, check, measured = 'not known', got, isObserved }) =>
      [
        `- **${prose(tenant)}**: **${prose(check)}** — ${prose(measured)}${isObserved ? '' : ' (it counts)'}`,
        ...(answers && got !== '' ? [`  - ${code(got)}`] : []),
      ].join('\n'),
    );
  return section('Configuration', firstOf(lines));
}

/** What has a measure, or was only observed, of all tenants. */
export const measuredOf = (tenants: TenantSmoke[]) =>
  tenants.flatMap(({ tenant, checks, observed = [] }) => [
    ...checks
      .filter(({ measured, kind }) => measured !== undefined || kind !== undefined)
      .map((check) => ({ tenant, isObserved: false, ...check })),
    ...observed.map((check) => ({ tenant, isObserved: true, ...check })),
  ]);

const DECISION_PAST: Record<Decision['verb'], string> = { approve: 'approved', abort: 'aborted', retry: 'retried' };

export function decisionsSection({ decisions }: RunSummary): string[] {
  return section(
    'Decisions',
    decisions.map(
      ({ at, by, verb, holdName, reason }) =>
        `- ${utc(at)} **${redactedProse(by)}** ${DECISION_PAST[verb]}${holdName ? ` (hold ${code(holdName)})` : ''}: ${redactedProse(reason)}`,
    ),
  );
}

/** What was unusual about the fleet. A person's reason for a quarantine may have an address. */
export const fleetSection = ({ fleetNotes }: RunSummary) =>
  section(
    'Fleet',
    fleetNotes.map((note) => `- ${redactedProse(note)}`),
  );

/** What the watch saw from the soak to the move. It quotes no answer, only its status. */
export function watchSection({ watched, interruptions }: RunSummary): string[] {
  return section('Watch', [
    ...(watched ? [`- ${describeStretch(watched)}`] : []),
    ...interruptions.map((one) => `- interrupted: ${prose(describeInterruption(one))}`),
  ]);
}

/** Lists what was not tested. */
export function notTestedSection({ notTested }: RunSummary): string[] {
  const shown = notTested.slice(0, MAX_FAILING).map(({ text }) => `- ${prose(text)}`);
  const more = notTested.length - shown.length;
  return section('Not tested, or not confirmed', [...shown, ...(more > 0 ? [`- and ${more} more`] : [])]);
}

/** Lists what a rollback went on in spite of. */
export function notesSection({ notes: { laneUnavailable, warnings = [], notMoved = [] } }: RunSummary): string[] {
  return section('In spite of', [
    ...(laneUnavailable ? ['- the lane did not answer; it learned of the rollback later'] : []),
    ...warnings.map((warning) => `- ${prose(warning)}`),
    ...notMoved.map((repository) => `- ${code(repository)} was not moved: this gate never moved it to that build`),
  ]);
}

export function section(title: string, lines: string[]): string[] {
  return lines.length === 0 ? [] : ['', `### ${title}`, '', ...lines];
}

/** `2026-11-25 05:54:37` */
export const utc = (iso: string) => time(iso).replace(/ UTC$/, '');
