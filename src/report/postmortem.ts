import { code, link, prose, table, words } from '../domain/markdown.js';
import type { MoveOutcome } from '../domain/move.js';
import { type Facts, factsOf, latestOf } from './facts.js';
import type { ReportLinks, RunRecord } from './run-record.js';
import { decisionsSection, failingSection, notTestedSection, section, tenantsSection, utc } from './sections.js';
import { uiUrl } from './ui-url.js';

const UNMOVED: MoveOutcome[] = ['already', 'restored'];

/** What only a human can answer; each stays open until one does. */
const QUESTIONS = [
  'Why did canary not catch it? (a new code path that the suite does not exercise? data or load that only production has? configuration drift?)',
  'Should the smoke suite grow a check that would have caught it, and the class of bug it belongs to? Which one?',
  'How was it noticed, by whom, and how long after the promotion?',
  'What did users see, and how many of them? (severity)',
  'What was the root cause, and which commit brought it in?',
];

/** Whether a rollback took any image anywhere: of one that did not there is nothing to tell. */
export function movedAny(rollback: RunRecord): boolean {
  return factsOf(rollback).images.some((image) => 'result' in image && !UNMOVED.includes(image.result));
}

/** The post-mortem as far as the record of a rollback, and of the promotion it undid, can write it. */
export function renderPostmortem(rollback: RunRecord, broken: RunRecord | null, links: ReportLinks = {}): string {
  const facts = factsOf(rollback);
  const seen = broken && factsOf(broken);
  const bad = broken ? code(broken.sha) : 'a build that no run is left of';
  return [
    `# Post-mortem: ${bad} was rolled back to ${code(rollback.sha)}`,
    '',
    `- **Date**: ${utc(rollback.started).slice(0, 10)}`,
    '- **Status**: DRAFT. What is marked OPEN has to be answered by a human.',
    `- **Reason given**: ${words(facts.reason ?? 'none')}`,
    ...section('The build that broke', [
      `- commit: ${[bad, ...link('change', seen?.commitUrl)].join(' · ')}`,
      ...(seen ? [] : ['- its digests are what `:latest` pointed at before the rollback']),
      '',
      ...digests(facts),
    ]),
    ...section('Timeline (UTC)', table(['when', 'what', 'who'], timeline(rollback, broken))),
    ...section('What canary checked and saw then', checked(broken, seen)),
    ...(seen ? [...notTestedSection(seen), ...decisionsSection(seen)] : []),
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

function digests({ images }: Facts): string[] {
  const rows = images.map((image) => [
    code(image.repository),
    code(latestOf(image).before ?? 'none'),
    code(image.digest),
  ]);
  return table(['image', 'broken: :latest before', 'rolled back to'], rows);
}

function timeline(rollback: RunRecord, broken: RunRecord | null): string[][] {
  const facts = factsOf(rollback);
  const seen = broken && factsOf(broken);
  const who = (one: string | null | undefined) => words(one ?? 'unknown');
  return [
    ...(broken && seen
      ? [
          [utc(broken.started), 'its release began', who(seen.requestedBy)],
          ...seen.decisions.map(({ at, verb, by, reason }) => [utc(at), `${verb}: ${words(reason)}`, words(by)]),
          [utc(broken.ended ?? ''), `promoted: ${prose(seen.promoteOnly ? 'NOT TESTED BY CANARY' : 'all green')}`, ''],
        ]
      : []),
    [utc(rollback.started), 'rollback asked for', who(facts.requestedBy)],
    [utc(rollback.ended ?? ''), `rollback ended: ${rollback.outcome}`, ''],
  ];
}

function checked(broken: RunRecord | null, seen: Facts | null): string[] {
  if (broken === null || seen === null)
    return ['No run that promoted these digests is left: moved by hand, or past the retention of Temporal.'];
  if (seen.tenants.length === 0) return ['**Nothing: NOT TESTED BY CANARY.**'];
  return [
    `Every canary tenant, by ${utc(broken.ended ?? '')}:`,
    ...tenantsSection(seen),
    ...failingSection(seen.tenants, 'could-not-test', 'Could not be tested'),
  ];
}
