import { rounded } from '../domain/duration.js';
import { code, link, redactedProse } from '../domain/markdown.js';
import { compareUrl } from './compare.js';
import { nextSteps, uiUrl } from './next-steps.js';
import {
  decisionsSection,
  driftSection,
  failingSection,
  fleetSection,
  imagesSection,
  measuredSection,
  notesSection,
  notTestedSection,
  section,
  tenantsSection,
  timeSection,
  utc,
  watchSection,
} from './sections.js';
import { type ReportLinks, type RunRecord, type RunSummary, summarizeRun } from './summary.js';
import { verdictText } from './verdict.js';

/** Limit of a report in bytes: GitHub drops a step summary of more than 1 MiB, and other commands write to it too. */
export const MAX_MARKDOWN_BYTES = 900_000;

/** How a report is printed. */
interface ReportOptions {
  /** Most bytes. */
  max?: number;
  /** Whether it shows what a failing check expected and got: for a terminal only (I5). */
  answers?: boolean;
}

/** Report of a run: the verdict first, tenants by name only. It is public unless it has `answers` (I5). */
export function renderReport(
  record: RunRecord,
  links: ReportLinks = {},
  { max = MAX_MARKDOWN_BYTES, answers = false }: ReportOptions = {},
): string {
  const summary = summarizeRun(record);
  const { title, lines } = verdictText(record, summary);
  const all = [
    `## ${title}`,
    '',
    ...lines,
    '',
    headerLine(record, summary),
    ...failingSection(summary.tenants, 'fail', 'Failing checks', answers),
    ...notTestedSection(summary),
    ...fleetSection(summary),
    ...watchSection(summary),
    ...notesSection(summary),
    ...failingSection(summary.tenants, 'could-not-test', 'Could not be tested', answers),
    ...measuredSection(summary),
    ...driftSection(summary, answers),
    ...nextSection(record, summary),
    ...imagesSection(summary),
    ...decisionsSection(summary),
    ...timeSection(summary),
    ...tenantsSection(summary),
    '',
    [...link('Temporal UI', uiUrl(record, links)), ...link('Runbook', links.runbook), code(record.workflowId)].join(
      ' · ',
    ),
    '',
  ];
  return fitBytes(all, max);
}

function headerLine(record: RunRecord, { requestedBy, reason, commitUrl, promoteOnly }: RunSummary): string {
  const took = record.ended ? Date.parse(record.ended) - Date.parse(record.started) : null;
  return [
    `Build ${code(record.sha)}`,
    ...(requestedBy ? [`requested by ${redactedProse(requestedBy)}`] : []),
    ...(reason && !promoteOnly ? [`reason: ${redactedProse(reason)}`] : []),
    ...link('commit', commitUrl),
    ...link('what changes', compareUrl({ commitUrl }, record.before, record.sha)),
    `${utc(record.started)} UTC`,
    took === null ? 'still running' : `took ${rounded(took)}`,
  ].join(' · ');
}

function nextSection(record: RunRecord, summary: RunSummary): string[] {
  const steps = nextSteps(record, summary);
  if (steps.length === 0) return [];
  return section('What to do now', ['```sh', ...steps.flatMap(({ when, command }) => [`# ${when}`, command]), '```']);
}

/** Cuts at the end, where the least important lines are, but keeps the links. */
function fitBytes(lines: string[], max: number): string {
  const bytes = (text: string) => new TextEncoder().encode(text).length;
  if (bytes(lines.join('\n')) <= max) return lines.join('\n');
  const end = ['', '*Cut: the report is too long; `canary report` and the run have the rest.*', ...lines.slice(-3)];
  let room = max - bytes(end.join('\n')) - 1;
  const kept: string[] = [];
  for (const line of lines.slice(0, -3)) {
    room -= bytes(line) + 1;
    if (room < 0) break;
    kept.push(line);
  }
  return [...kept, ...end].join('\n');
}
