import { code, link, prose, redactedProse, table } from '../domain/markdown.js';
import { type Incident, isRolledBack, liveSince, productionSection, productionTimes } from './incident.js';
import { uiUrl } from './next-steps.js';
import { decisionsSection, failingSection, notTestedSection, section, tenantsSection, utc } from './sections.js';
import { latestOf, type ReportLinks, type RunRecord, type RunSummary, summarizeRun } from './summary.js';

/** What only a human can answer; each stays open until one does. */
const QUESTIONS = [
  'Why did canary not catch it? (a new code path that the suite does not exercise? data or load that only production has? configuration drift?)',
  'Should the smoke suite grow a check that would have caught it, and the class of bug it belongs to? Which one?',
  'How was it noticed, by whom, and how long after the promotion?',
  'What did users see, and how many of them? (severity)',
  'What was the root cause, and which commit brought it in?',
];

/** The post-mortem as far as the ledger, the records of a rollback and of the promotion it undid, and the watches over production can write it. */
export function renderPostmortem(incident: Incident, links: ReportLinks = {}): string {
  const { rollback, broken, ledger } = incident;
  const summary = summarizeRun(rollback);
  const brokenSummary = broken && summarizeRun(broken);
  const sha = ledger?.sha ?? broken?.sha;
  const badBuild = sha ? code(sha) : 'a build that nobody can name';
  return [
    `# Post-mortem: ${badBuild} ${rollbackPhrase(rollback)} ${code(rollback.sha)}`,
    '',
    `- **Date**: ${utc(rollback.started).slice(0, 10)}`,
    '- **Status**: DRAFT. What is marked OPEN has to be answered by a human.',
    `- **Reason given**: ${redactedProse(summary.reason ?? 'none')}`,
    ...section('The build that broke', [
      `- commit: ${[badBuild, ...link('change', brokenSummary?.commitUrl)].join(' · ')}`,
      ...(sha ? [] : ['- its digests are what `:latest` pointed at before the rollback']),
      ...outcomeLines(incident),
      ...(ledger === null ? ['- the lane does not answer: this is from the runs alone'] : []),
      ...(ledger && ledger.bad.length > 0
        ? [`- marked bad, and not to be promoted: ${ledger.bad.map((one) => code(one.sha)).join(', ')}`]
        : []),
      '',
      ...digestTable(incident, summary),
    ]),
    ...section('Timeline (UTC)', table(['when', 'what', 'who'], timeline(incident))),
    ...section('Production', productionSection(incident)),
    ...section('What canary checked and saw then', checkedLines(broken, brokenSummary)),
    ...(brokenSummary ? [...notTestedSection(brokenSummary), ...decisionsSection(brokenSummary)] : []),
    ...section(
      'OPEN: for a human',
      QUESTIONS.flatMap((question) => [`- [ ] **OPEN** ${question}`, '']),
    ),
    [rollback, broken]
      .filter((run) => run !== null)
      .flatMap((run) => [code(run.workflowId), ...link('Temporal UI', uiUrl(run, links))])
      .join(' · '),
    '',
  ].join('\n');
}

/** In the title: a rollback that did not get through, or still runs, rolled nothing back yet. */
function rollbackPhrase({ outcome }: RunRecord): string {
  if (isRolledBack(outcome)) return 'was rolled back to';
  return outcome === 'running' ? 'is being rolled back to' : `was to be rolled back (${outcome}) to`;
}

function outcomeLines({ rollback: { outcome, why }, ledger }: Incident): string[] {
  const reason = why === '' ? '' : `: ${redactedProse(why)}`;
  const failed =
    outcome === 'running' ? '- the rollback still runs' : `- **the rollback did not get through**: ${outcome}`;
  return [
    ...(outcome === 'already' ? ['- `:latest` had left it before this rollback began: `--direct`, or by hand'] : []),
    ...(isRolledBack(outcome) ? [] : [`${failed}${reason}`]),
    ...(ledger?.sha && !ledger.undone ? ['- its own move was under way, and how far that came was never told'] : []),
  ];
}

/** Where `:latest` stood: by the run, or by the ledger where the run came too late to see it. */
function digestTable({ rollback, ledger }: Incident, { images }: RunSummary): string[] {
  const ledgerDigest = (repository: string) =>
    ledger?.undone?.images.find((one) => one.repository === repository)?.digest;
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
          { at: broken.started, what: 'its release began', who: redactedProse(brokenSummary.requestedBy ?? 'unknown') },
          ...brokenSummary.decisions.map(({ at, verb, by, reason }) => ({
            at,
            what: `${verb}: ${redactedProse(reason)}`,
            who: redactedProse(by),
          })),
        ]
      : []),
    ...wentLive(incident, brokenSummary),
    ...productionTimes(incident).map((one) => ({ ...one, who: '' })),
    { at: rollback.started, what: 'rollback asked for', who: redactedProse(summary.requestedBy ?? 'unknown') },
    ...(rollback.ended ? [{ at: rollback.ended, what: `rollback ended: ${rollback.outcome}`, who: '' }] : []),
  ];
  return events.sort((a, b) => Date.parse(a.at) - Date.parse(b.at)).map(({ at, what, who }) => [utc(at), what, who]);
}

/** How it came to `:latest`: by the ledger, else by its release. */
function wentLive(incident: Incident, brokenSummary: RunSummary | null): { at: string; what: string; who: string }[] {
  const at = liveSince(incident);
  if (at === null) return [];
  const entry = incident.ledger?.undone;
  if (entry && entry.kind !== 'promotion')
    return [{ at, what: `${entry.kind}: ${redactedProse(entry.reason)}`, who: redactedProse(entry.by) }];
  const how = brokenSummary?.promoteOnly ? 'NOT TESTED BY CANARY' : 'all green';
  return [
    { at, what: brokenSummary ? `promoted: ${prose(how)}` : 'promoted', who: entry ? redactedProse(entry.by) : '' },
  ];
}

function checkedLines(broken: RunRecord | null, brokenSummary: RunSummary | null): string[] {
  if (broken === null || brokenSummary === null)
    return ['No run that promoted these digests is left: moved by hand, or past the retention of Temporal.'];
  if (brokenSummary.tenants.length === 0) return ['**Nothing: NOT TESTED BY CANARY.**'];
  return [
    `Every canary tenant, by ${utc(broken.ended ?? '')}:`,
    ...tenantsSection(brokenSummary),
    ...failingSection(brokenSummary.tenants, 'could-not-test', 'Could not be tested'),
  ];
}
