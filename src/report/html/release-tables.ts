import type { TenantSmoke, Verdict } from '../../contract/tenants/check.js';
import { rounded } from '../../domain/duration.js';
import { redactedText } from '../../domain/markdown.js';
import { measuredOf, utc } from '../sections.js';
import { latestOf, type RunSummary } from '../summary.js';
import { type Html, html, tableOf } from './html.js';
import { nameOf, type Visit } from './visits.js';

export const VERDICTS: Record<Verdict, [shape: string, style: string]> = {
  pass: ['✓ passed', 'ok'],
  fail: ['✗ failed', 'bad'],
  'could-not-test': ['? could not be tested', 'unsure'],
};
export const DECIDED = { approve: 'approved', abort: 'aborted', retry: 'retried' } as const;

/** Tenants with the most checks that did not pass first. */
export function worstFirst(tenants: TenantSmoke[]): TenantSmoke[] {
  const bad = ({ checks }: TenantSmoke) => checks.filter(({ verdict }) => verdict !== 'pass').length;
  return [...tenants].sort((one, other) => bad(other) - bad(one));
}

/** Everything that the timeline of a run shows, as tables: for a screen reader, for print, and to copy. */
export function tablesOf(summary: RunSummary, visits: Visit[]): Html {
  return html`${phasesTable(visits)}${checksTable(summary.tenants)}${measuredTable(summary.tenants)}${tenantsTable(summary)}${decisionsTable(summary)}${interruptionsTable(summary)}${imagesTable(summary)}`;
}

const phasesTable = (visits: Visit[]) =>
  tableOf(
    'phases',
    'Phases',
    ['phase', 'from (UTC)', 'took'],
    visits.map((visit, index) => [
      `${index + 1}. ${nameOf(visit)}`,
      utc(new Date(visit.from).toISOString()),
      `${rounded(visit.to - visit.from)}${visit.isOpen ? ' so far' : ''}`,
    ]),
    'phase',
  );

/** The public part of what did not pass: no answer of a tenant. */
const checksTable = (tenants: TenantSmoke[]) =>
  tableOf(
    'checks',
    'Checks that did not pass',
    ['tenant', 'check', 'result', 'a pass shows'],
    tenants.flatMap(({ tenant, checks }) =>
      checks
        .filter(({ verdict }) => verdict !== 'pass')
        .map(({ check, verdict, status, schemaPath, proves }) => [
          tenant,
          check,
          html`<span class="${VERDICTS[verdict][1]}">${VERDICTS[verdict][0]}</span>, ${status === null ? 'no answer' : `status ${status}`}${schemaPath ? html` at ${schemaPath}` : ''}`,
          proves,
        ]),
    ),
  );

/** What judges measured, and what was only observed; the verdict on the build is without the latter. */
const measuredTable = (tenants: TenantSmoke[]) =>
  tableOf(
    'measured',
    'Measured and compared',
    ['tenant', 'check', 'result', 'measured', 'counts'],
    measuredOf(tenants).map(({ tenant, check, verdict, measured = '', isObserved }) => [
      tenant,
      check,
      html`<span class="${VERDICTS[verdict][1]}">${VERDICTS[verdict][0]}</span>`,
      measured,
      isObserved ? 'no, observed only' : 'yes',
    ]),
  );

function tenantsTable({ tenants, tenantsLeftOut }: RunSummary): Html {
  const count = ({ checks, passed = 0 }: TenantSmoke, verdict: Verdict) =>
    checks.filter((one) => one.verdict === verdict).length + (verdict === 'pass' ? passed : 0);
  const rows = worstFirst(tenants).map((one) => [
    one.tenant,
    count(one, 'pass'),
    count(one, 'fail'),
    count(one, 'could-not-test'),
  ]);
  const more = tenantsLeftOut > 0 ? `, and ${tenantsLeftOut} more` : '';
  return tableOf('tenants', `Canary tenants${more}`, ['tenant', 'passed', 'failed', 'could not be tested'], rows);
}

const decisionsTable = ({ decisions }: RunSummary) =>
  tableOf(
    'decisions',
    'Decisions',
    ['at (UTC)', 'who', 'decided', 'of the hold', 'because'],
    decisions.map(({ at, by, verb, holdName, reason }) => [
      utc(at),
      redactedText(by),
      DECIDED[verb],
      holdName ?? '',
      redactedText(reason),
    ]),
  );

const interruptionsTable = ({ interruptions }: RunSummary) =>
  tableOf(
    'interruptions',
    'Interruptions',
    ['from (UTC)', 'until', 'tenant', 'answered'],
    interruptions.map(({ from, to, tenant, answered }) => [
      utc(from),
      to ? utc(to) : '',
      tenant,
      redactedText(answered),
    ]),
  );

const imagesTable = ({ images }: RunSummary) =>
  tableOf(
    'images',
    'Images',
    ['image', 'this build', ':latest before', ':latest after', ''],
    images.map((image) => {
      const { before, after } = latestOf(image);
      const digest = (one: string | null) => (one === null ? 'none' : html`<code>${one.slice(0, 19)}</code>`);
      return [
        image.repository,
        digest(image.digest),
        digest(before),
        digest(after),
        'result' in image ? image.result : 'not moved',
      ];
    }),
  );
