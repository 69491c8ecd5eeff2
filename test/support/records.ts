import { parseLane } from '../../src/contract/ids.js';
import type { Digest, Repository } from '../../src/contract/image.js';
import type { MovedImage } from '../../src/contract/move.js';
import type { PinnedImage, ReleaseReport, ReleaseStatus, RollbackReport } from '../../src/contract/release.js';
import { parseSha } from '../../src/contract/sha.js';
import type { CheckResult } from '../../src/contract/tenants/check.js';
import type { RunRecord } from '../../src/report/summary.js';

const SHA = parseSha('9e82b1d4c5f60718293a4b5c6d7e8f9012345678');
const repositories = ['ghcr.io/molecule-ai/platform', 'ghcr.io/molecule-ai/platform-tenant'] as Repository[];
const digest = (letter: string) => `sha256:${letter.repeat(64)}` as Digest;

export const pinned: PinnedImage[] = repositories.map((repository, index) => ({
  repository,
  digest: digest(`${index + 1}`),
  latest: digest('ab'[index] ?? ''),
}));
export const moved: MovedImage[] = repositories.map((repository, index) => ({
  repository,
  digest: digest(`${index + 1}`),
  previous: digest('ab'[index] ?? ''),
  result: 'promoted',
  latest: digest(`${index + 1}`),
}));

export const passed = (check: string): CheckResult => ({
  check,
  proves: 'the tenant booted',
  verdict: 'pass',
  status: 200,
  latencyMs: 12,
  expected: '',
  got: '',
});
export const failed = (check: string): CheckResult => ({
  ...passed(check),
  proves: 'what is written can be found',
  verdict: 'fail',
  expected: '0.content: exactly that probe',
  got: '[{"content":"answer of the tenant"}]',
  schemaPath: '$[0].content',
});

/** Record of a completed release; given fields override the defaults. */
export function record(report: Partial<ReleaseReport> = {}, other: Partial<RunRecord> = {}): RunRecord {
  const full: ReleaseReport = {
    outcome: 'promoted',
    sha: SHA,
    why: ':latest of every image is on the tested digests',
    requestedBy: 'ada',
    commitUrl: 'https://github.com/molecule-ai/molecule/commit/9e82b1d',
    images: moved,
    tenants: ['canary-1', 'canary-2'].map((tenant) => ({
      tenant,
      checks: [passed('liveness returns a subsystems map'), passed('memory search finds the probe')],
    })),
    decisions: [],
    notTested: [],
    watched: {
      from: '2026-11-25T05:02:00.000Z',
      until: '2026-11-25T05:08:20.000Z',
      watchedMs: 380_000,
      longestGapMs: 11_000,
      rounds: 38,
    },
    started: '2026-11-25T05:00:00.000Z',
    ended: '2026-11-25T05:08:30.000Z',
    phases: [
      {
        phase: 'resolving',
        since: '2026-11-25T05:00:00.000Z',
        until: '2026-11-25T05:00:01.000Z',
        ms: 1_000,
        visits: 1,
      },
      {
        phase: 'soaking',
        since: '2026-11-25T05:01:00.000Z',
        until: '2026-11-25T05:08:00.000Z',
        ms: 400_000,
        visits: 2,
      },
    ],
    ...report,
  };
  return {
    kind: 'release',
    sha: full.sha,
    lane: parseLane(''),
    namespace: 'default',
    workflowId: 'canary-release-9e82b1d',
    runId: '0199-run',
    started: full.started,
    ended: full.ended,
    outcome: full.outcome,
    why: full.why,
    report: full,
    status: null,
    listed: { phase: 'done', phaseSince: full.ended, waitingFor: null, requestedBy: 'ada', tenantsRed: [] },
    before: '4c1d56e',
    ...other,
  };
}

/** Record of a completed rollback. */
export function rollbackRecord(report: Partial<RollbackReport>): RunRecord {
  const { tenants, decisions, notTested, ...rest } = record().report as never as Record<string, unknown>;
  const full = { ...rest, reason: 'search is slow', outcome: 'rolled-back', ...report } as RollbackReport;
  return record(
    {},
    { kind: 'rollback', outcome: full.outcome, why: full.why, report: full, workflowId: 'rollback-9e82b1d' },
  );
}

/** Record without a report: the run is open, or Temporal ended it. */
export function unreported(outcome: RunRecord['outcome'], status: Partial<ReleaseStatus> | null): RunRecord {
  const { listed } = record();
  return record(
    {},
    {
      outcome,
      report: null,
      ended: null,
      why: '',
      before: null,
      listed: { ...listed, phase: 'soaking' },
      status: status && {
        sha: SHA,
        phase: 'soaking',
        since: '2026-11-25T05:01:00.000Z',
        phases: [],
        why: '',
        until: null,
        images: pinned,
        builds: [],
        tenants: [],
        hold: null,
        decided: null,
        moving: false,
        decisions: [],
        refusals: [],
        ...status,
      },
    },
  );
}
