import { FAILURE_TYPES, type FailureType } from '../contract/failures.js';
import { stagingTag } from '../contract/image.js';
import { RELEASE_PHASES } from '../contract/release.js';
import { code, prose, redactedProse } from '../domain/markdown.js';
import { rejectionLines } from './sections.js';
import type { RunRecord, RunSummary } from './summary.js';

/** First lines of a report: the outcome, and what it means for production. */
export interface VerdictText {
  /** Plain text, without Markdown. */
  title: string;
  lines: string[];
}

/** For a verdict RED alone: what was live before is good as far as this run knows. */
const PROD_UNTOUCHED = ':latest stays pinned to the prior good digest — prod is untouched.';
/** For every other end: production may be on the bad build of a rollback, or where another writer put it. */
const LEFT = 'This run left :latest as it was; `canary status` shows what is live.';
const NEXT_CYCLE = 'Prod tenant fleet will pick up the new digest on its next auto-update cycle.';
/** Failures whose reason concerns the registry and the move only; other reasons may contain the address of a tenant (I5). */
const IMAGE_FAILURES: string[] = [
  'BuildNotFound',
  'RegistryDenied',
  'RegistryUnavailable',
  'TimedOut',
  'MoveRefused',
  'MoveFailed',
  'PairSplit',
];

/** Verdict of a run. Headings of the shell job that the gate replaces are unchanged. */
export function verdictText(record: RunRecord, summary: RunSummary): VerdictText {
  const { outcome, kind, why } = record;
  const tag = stagingTag(record.sha);
  switch (outcome) {
    case 'promoted':
      return promoted(record, summary);
    case 'superseded':
      return { title: 'Canary superseded — a newer build is released instead', lines: [prose(why), LEFT] };
    case 'skipped':
      return {
        title: '⚠️ canary-verify skipped',
        lines: [
          'No canary fleet is configured (`CANARY_TENANT_URLS` with `CANARY_ADMIN_TOKENS`, or `CANARY_FLEET_FILE`): nothing was tested.',
          '',
          '**Skipped — nothing is promoted automatically.** Promote on your authority when ready.',
        ],
      };
    case 'rolled-back':
      return { title: `Rolled back — :latest is on ${tag}`, lines: [NEXT_CYCLE] };
    case 'already':
      return { title: `Already rolled back — :latest was on ${tag}`, lines: ['Nothing had to move.'] };
    case 'running':
      return running(summary, record);
    case 'terminated':
      return {
        title: `⚠️ The ${kind} was TERMINATED`,
        lines: [
          `The run was terminated in Temporal${why ? `: ${redactedProse(why)}` : '.'}`,
          'It has no verdict on the build and no report: `canary status` shows what is live.',
        ],
      };
    case 'CanaryRejected':
      return { title: 'Canary smoke FAILED', lines: [`Canary tenants rejected image ${code(tag)}.`, PROD_UNTOUCHED] };
    case 'CanaryHoldExpired':
      return {
        title: 'Canary hold EXPIRED — nothing promoted',
        lines: [`No person decided ${summary.hold ? code(summary.hold) : 'the hold'} in time.`, LEFT],
      };
    case 'CanaryAborted':
      return { title: `Canary ${kind} ABORTED`, lines: [aborted(summary, record), productionNote(record)] };
    case 'CanaryBuildBad':
      return summary.rejected
        ? {
            title: 'Canary refused — the build was REJECTED BY CANARY',
            lines: [...rejectionLines(summary.rejected), '', LEFT],
          }
        : { title: 'Canary refused — that build was rolled back before', lines: [LEFT] };
    case 'PairSplit':
      return {
        title: '🚨 PAIR SPLIT — :latest is on TWO BUILDS',
        lines: ['**Production may take either build. Move all images to one build NOW.**', prose(why)],
      };
    default:
      return failedVerdict(outcome, record);
  }
}

function promoted(
  { sha }: RunRecord,
  { images, notTested, rejected, promoteOnly, requestedBy, reason, watched, tenants }: RunSummary,
): VerdictText {
  const tag = stagingTag(sha);
  const moves = images.map(({ repository }) => `- ${code(`${repository}:${tag}`)} → ${code(`${repository}:latest`)}`);
  const already = images.length > 0 && images.every((image) => 'result' in image && image.result === 'already');
  const lines = [...moves, '', already ? 'It was there already: nothing had to move.' : NEXT_CYCLE];
  if (promoteOnly)
    return {
      title: `:latest promoted to ${tag}`,
      lines: [
        ...(rejected ? [...rejectionLines(rejected), ''] : []),
        `${rejected ? 'Promoted' : '**NOT TESTED BY CANARY**: promoted'} on the authority of ${redactedProse(requestedBy ?? 'unknown')}: ${redactedProse(reason ?? '')}`,
        '',
        ...lines,
      ],
    };
  // A second release of the live build: nothing was tested, and nothing moved.
  if (watched === null && tenants.length === 0 && notTested.length === 0 && !rejected)
    return { title: `:latest is on ${tag} already`, lines };
  if (notTested.length > 0 || rejected || watched === null)
    return {
      title: `⚠️ :latest promoted to ${tag} — not all was verified`,
      lines: [...(rejected ? [...rejectionLines(rejected), ''] : []), ...lines],
    };
  return { title: 'Canary verified — :latest promoted', lines };
}

function running({ phase, hold }: RunSummary, { status }: RunRecord): VerdictText {
  const noWorkerLines =
    status === null ? ['No worker answers for it: nothing moves until one does (`canary worker`).'] : [];
  if (hold) return { title: `Canary HELD — ${hold}`, lines: ['It waits for a person.', ...noWorkerLines] };
  return {
    title: `Canary running — ${phase ?? 'not started'}`,
    lines: [...(phase ? [RELEASE_PHASES[phase]] : []), ...noWorkerLines],
  };
}

function aborted({ decisions }: RunSummary, { why }: RunRecord): string {
  const abortDecision = decisions.filter(({ verb }) => verb === 'abort').at(-1);
  return abortDecision
    ? `${redactedProse(abortDecision.by)} aborted it: ${redactedProse(abortDecision.reason)}`
    : `It was aborted: ${redactedProse(why)}`;
}

function failedVerdict(outcome: FailureType, record: RunRecord): VerdictText {
  const { kind, why } = record;
  const moving = outcome === 'MoveFailed';
  return {
    title: `${moving ? '🚨' : '⚠️'} canary could not carry out the ${kind} — ${outcome}`,
    lines: [
      FAILURE_TYPES[outcome] ?? '',
      ...(IMAGE_FAILURES.includes(outcome) ? [prose(why)] : ['The run has the exact cause.']),
      moving
        ? 'Look at the digests below before anything else.'
        : `This says nothing about the build. ${productionNote(record)}`,
    ],
  };
}

/** States that `:latest` is unchanged only if the run reported it: a begun move is finished even if its parent ends. */
function productionNote({ report, outcome }: RunRecord): string {
  return report === null || outcome === 'TimedOut' ? '`canary status` shows what is live.' : LEFT;
}
