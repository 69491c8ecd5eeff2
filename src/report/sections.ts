import type { CheckResult, TenantSmoke, Verdict } from '../contract/check.js';
import { rounded } from '../domain/duration.js';
import { code, prose, redactedProse, table } from '../domain/markdown.js';
import { latestOf, type RunSummary } from './summary.js';

/** Failing checks that are told one by one, then a count: a step summary ends at 1 MiB. */
export const MAX_FAILING = 50;
const MAX_TENANTS = 100;

/** Each failing check with what it proves, and of the answer what everybody may see: status and schema path (I5). */
export function failingSection(tenants: TenantSmoke[], verdict: Verdict, title: string): string[] {
  const all = tenants.flatMap(({ tenant, checks }) =>
    checks.filter((check) => check.verdict === verdict).map((check) => failingLine(tenant, check)),
  );
  const more = all.length - MAX_FAILING;
  return section(title, [...all.slice(0, MAX_FAILING), ...(more > 0 ? [`- and ${more} more`] : [])]);
}

function failingLine(tenant: string, { check, proves, status, schemaPath, tries }: CheckResult): string {
  const what = [
    status === null ? 'no answer' : `status ${status}`,
    ...(schemaPath ? [`schema path ${code(schemaPath)}`] : []),
    ...(tries && tries > 1 ? [`${tries} tries`] : []),
  ];
  return `- **${prose(tenant)}**: **${prose(check)}** — ${what.join(', ')}. A pass shows: ${prose(proves)}`;
}

export function imagesSection({ images }: RunSummary): string[] {
  const digest = (one: string | null) => (one ? code(one) : 'none');
  const rows = images.map((image) => {
    const { before, after } = latestOf(image);
    return [
      code(image.repository),
      digest(image.digest),
      digest(before),
      digest(after),
      'result' in image ? image.result : 'not moved',
    ];
  });
  if (rows.length === 0) return [];
  return section('Images', table(['image', 'this build', ':latest before', ':latest after', ''], rows));
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

/** Tenants by checks, what failed first. */
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
        // A report that would be too long counts what passed.
        return passed ? MARKS.pass : '';
      }),
    ]);
  const more = tenants.length - rows.length + tenantsLeftOut;
  return section('Tenants', [
    ...table(['tenant', ...checks.map(prose)], rows),
    ...(more > 0 ? ['', `and ${more} more tenants`] : []),
  ]);
}

export function decisionsSection({ decisions }: RunSummary): string[] {
  return section(
    'Decisions',
    decisions.map(
      ({ at, by, verb, holdName, reason }) =>
        `- ${utc(at)} **${redactedProse(by)}** said ${verb}${holdName ? ` to ${code(holdName)}` : ''}: ${redactedProse(reason)}`,
    ),
  );
}

/** A tenant's own words on why stand in parentheses, and stay inside. */
export function notTestedSection({ notTested }: RunSummary): string[] {
  const shown = notTested.slice(0, MAX_FAILING).map((line) => `- ${prose(line.replaceAll(/ \(.*?\)(?=, |$)/g, ''))}`);
  const more = notTested.length - shown.length;
  return section('Not tested, or not confirmed', [...shown, ...(more > 0 ? [`- and ${more} more`] : [])]);
}

export function section(title: string, lines: string[]): string[] {
  return lines.length === 0 ? [] : ['', `### ${title}`, '', ...lines];
}

/** `2026-11-25 05:54:37` */
export const utc = (iso: string) => iso.slice(0, 19).replace('T', ' ');
