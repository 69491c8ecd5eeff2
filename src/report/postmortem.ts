import { code, link, prose, redactedProse, table } from '../domain/markdown.js';
import { type Incident, isRolledBack, liveSince, productionSection, productionTimes } from './incident.js';
import { uiUrl } from './next-steps.js';
import {
  decisionsSection,
  failingSection,
  notesSection,
  notTestedSection,
  rejectionLines,
  section,
  tenantsSection,
  utc,
} from './sections.js';
import { latestOf, type ReportLinks, type RunRecord, type RunSummary, summarizeRun } from './summary.js';

/** Questions that only a person can answer; each stays open until a person does. */
const QUESTIONS = [
  'Why did canary not catch it? (a new code path that the suite does not exercise? data or load that only production has? configuration drift?)',
  'Should the smoke suite grow a check that would have caught it, and the class of bug it belongs to? Which one?',
  'How was it noticed, by whom, and how long after the promotion?',
  'What did users see, and how many of them? (severity)',
  'What was the root cause, and which commit brought it in?',
];

/** Post-mortem from the ledger, the records of the rollback and of the promotion before it, and the production watches. */
export function renderPostmortem(incident: Incident, links: ReportLinks = {}): string {
  const { rollback, broken, ledger } = incident;
  const summary = summarizeRun(rollback);
  const brokenSummary = broken && summarizeRun(broken);
  const sha = ledger?.sha ?? broken?.sha;
  const badBuild = sha ? code(sha) : 'an unknown build';
  return [
    `# Post-mortem: ${badBuild} ${rollbackPhrase(rollback)} ${code(rollback.sha)}`,
    '',
    `- **Date**: ${utc(rollback.started).slice(0, 10)}`,
    '- **Status**: DRAFT. A person must answer what is marked OPEN.',
    `- **Reason given**: ${redactedProse(summary.reason ?? 'none')}`,
    ...section('The build that broke', [
      `- commit: ${[badBuild, ...link('change', brokenSummary?.commitUrl)].join(' · ')}`,
      ...(sha ? [] : ['- its digests are what `:latest` pointed at before the rollback']),
      ...outcomeLines(incident),
      ...(ledger === null ? ['- the lane does not answer: these facts come from the runs alone'] : []),
      ...(ledger && ledger.bad.length > 0
        ? [`- marked bad, and not to be promoted: ${ledger.bad.map((one) => code(one.sha)).join(', ')}`]
        : []),
      '',
      ...digestTable(incident, summary),
    ]),
    ...section('Timeline (UTC)', table(['when', 'what', 'who'], timeline(incident))),
    ...notesSection(summary),
    ...section('Production', productionSection(incident)),
    ...section('What canary checked and saw then', checkedLines(incident, brokenSummary)),
    ...(brokenSummary ? [...notTestedSection(brokenSummary), ...decisionsSection(brokenSummary)] : []),
    ...section(
      'OPEN: for a person',
      QUESTIONS.flatMap((question) => [`- [ ] **OPEN** ${question}`, '']),
    ),
    [rollback, broken]
      .filter((run) => run !== null)
      .flatMap((run) => [code(run.workflowId), ...link('Temporal UI', uiUrl(run, links))])
      .join(' · '),
    '',
  ].join('\n');
}

/** Phrase of the title: a rollback that failed, or still runs, has rolled nothing back yet. */
function rollbackPhrase({ outcome }: RunRecord): string {
  if (isRolledBack(outcome)) return 'was rolled back to';
  return outcome === 'running' ? 'is being rolled back to' : `was to be rolled back (${outcome}) to`;
}

function outcomeLines({ rollback: { outcome, why }, ledger }: Incident): string[] {
  const reason = why === '' ? '' : `: ${redactedProse(why)}`;
  const failed =
    outcome === 'running' ? '- the rollback still runs' : `- **the rollback did not complete**: ${outcome}`;
  return [
    ...(outcome === 'already' ? ['- `:latest` had left it before this rollback started: `--direct`, or by hand'] : []),
    ...(isRolledBack(outcome) ? [] : [`${failed}${reason}`]),
    ...(ledger?.sha && !ledger.rolledBackMove
      ? ['- its own move was under way, and its result was never reported']
      : []),
  ];
}

/** Digests of `:latest` before: from the run, or from the ledger if the run started too late to see them. */
function digestTable({ rollback, ledger }: Incident, { images }: RunSummary): string[] {
  const ledgerDigest = (repository: string) =>
    ledger?.rolledBackMove?.images.find((one) => one.repository === repository)?.digest;
  const rows = images.map((image) => {
    const before =
      rollback.outcome === 'already' ? (ledgerDigest(image.repository) ?? 'unknown') : latestOf(image).before;
    return [code(image.repository), code(before ?? 'none'), code(image.digest)];
  });
  return table(['image', 'broken: :latest before', 'back to'], rows);
}

function timeline(incident: Incident): string[][] {
  const { rollback, broken } = incident;
  const summary = summarizeRun(rollback);
  const brokenSummary = broken && summarizeRun(broken);
  const events = [
    ...(broken && brokenSummary
      ? [
          {
            at: broken.started,
            what: 'its release started',
            who: redactedProse(brokenSummary.requestedBy ?? 'unknown'),
          },
          ...brokenSummary.decisions.map(({ at, verb, by, reason }) => ({
            at,
            what: `${verb}: ${redactedProse(reason)}`,
            who: redactedProse(by),
          })),
        ]
      : []),
    ...wentLive(incident, brokenSummary),
    ...productionTimes(incident).map((one) => ({ ...one, who: '' })),
    { at: rollback.started, what: 'rollback requested', who: redactedProse(summary.requestedBy ?? 'unknown') },
    ...(rollback.ended ? [{ at: rollback.ended, what: `rollback ended: ${rollback.outcome}`, who: '' }] : []),
  ];
  return events.sort((a, b) => Date.parse(a.at) - Date.parse(b.at)).map(({ at, what, who }) => [utc(at), what, who]);
}

/** Event that moved `:latest` to it: from the ledger, else from its release. */
function wentLive(incident: Incident, brokenSummary: RunSummary | null): { at: string; what: string; who: string }[] {
  const at = liveSince(incident);
  if (at === null) return [];
  const entry = incident.ledger?.rolledBackMove;
  if (entry && entry.kind !== 'promotion')
    return [{ at, what: `${entry.kind}: ${redactedProse(entry.reason)}`, who: redactedProse(entry.by) }];
  const { promoteOnly, rejected } = brokenSummary ?? {};
  const how = rejected ? 'REJECTED BY CANARY' : promoteOnly ? 'NOT TESTED BY CANARY' : 'all green';
  return [
    { at, what: brokenSummary ? `promoted: ${prose(how)}` : 'promoted', who: entry ? redactedProse(entry.by) : '' },
  ];
}

function checkedLines({ broken, ledger }: Incident, brokenSummary: RunSummary | null): string[] {
  // The ledger also knows a verdict of a run that is not kept, and one from after the promotion.
  const rejected = brokenSummary?.rejected ?? ledger?.rejected;
  const lines = rejected ? rejectionLines(rejected) : [];
  if (rejected && (broken === null || brokenSummary === null || brokenSummary.tenants.length === 0)) return lines;
  if (broken === null || brokenSummary === null)
    return [
      'No run that promoted these digests is kept: they were moved by hand, or the retention of Temporal has passed.',
    ];
  if (brokenSummary.tenants.length === 0) return ['**Nothing: NOT TESTED BY CANARY.**'];
  return [
    ...lines,
    ...(rejected ? [''] : []),
    `Every canary tenant, by ${utc(broken.ended ?? '')}:`,
    ...tenantsSection(brokenSummary),
    ...failingSection(brokenSummary.tenants, 'could-not-test', 'Could not be tested'),
  ];
}
