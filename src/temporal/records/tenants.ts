import type { Client } from '@temporalio/client';
import { type Lane, releaseId } from '../../contract/ids.js';
import { isReleaseReport, type ReleaseReport } from '../../contract/release.js';
import type { Sha } from '../../contract/sha.js';
import { type Verdict, verdictOf } from '../../contract/tenants/check.js';
import { activeQuarantines, type Quarantine } from '../../contract/tenants/quarantine.js';
import { isUnavailable, readLane } from '../lane-view.js';
import { readRun } from './run.js';

/** What one release saw of a tenant. */
export interface TenantInRelease {
  sha: Sha;
  /** ISO 8601. */
  at: string;
  verdict: Verdict;
  /** Median of its checks, in milliseconds; null without one. */
  latencyMs: number | null;
  interruptions: number;
  /** Whether it was interrupted, could not be tested, or needed several tries for a check. */
  isUnsteady: boolean;
}

/** What the lane and its last releases know of one tenant. */
export interface TenantRecord {
  quarantine: Quarantine | null;
  /** Newest first; releases without this tenant are left out. */
  releases: TenantInRelease[];
}

/** Reads what the last `limit` releases with a verdict saw of each tenant. The ledger names their runs, so no list of runs is needed. */
export async function tenantRecords(
  client: Client,
  lane: Lane,
  names: string[],
  limit: number,
): Promise<Map<string, TenantRecord>> {
  const state = await readLane(client, lane);
  if (isUnavailable(state)) return new Map();
  const quarantines = activeQuarantines(state.ledger, Date.now());
  const verdicts = state.ledger.verdicts.slice(-limit).reverse();
  const seen = await Promise.all(
    verdicts.map(async ({ sha, runId, at }) => {
      const report = (await readRun(client, releaseId(lane, sha), runId))?.report ?? null;
      return { report: isReleaseReport(report) ? report : null, sha, at };
    }),
  );
  return new Map(
    names.map((name) => {
      const releases = seen.flatMap(({ report, sha, at }) => (report ? (inRelease(name, report, sha, at) ?? []) : []));
      return [name, { quarantine: quarantines.find(({ tenant }) => tenant === name) ?? null, releases }];
    }),
  );
}

function inRelease(name: string, report: ReleaseReport, sha: Sha, at: string): TenantInRelease | null {
  const smoke = report.tenants.find(({ tenant }) => tenant === name);
  if (smoke === undefined) return null;
  const verdict = smoke.checks.length === 0 && (smoke.passed ?? 0) > 0 ? 'pass' : verdictOf([smoke]);
  const interruptions = (report.interruptions ?? []).filter(({ tenant }) => tenant === name).length;
  const isRetried = smoke.checks.some(({ tries = 1 }) => tries > 1);
  return {
    sha,
    at,
    verdict,
    latencyMs: medianOf(smoke.checks.map(({ latencyMs }) => latencyMs)),
    interruptions,
    isUnsteady: interruptions > 0 || verdict === 'could-not-test' || isRetried,
  };
}

/** Upper median; null of nothing. */
export function medianOf(values: number[]): number | null {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? null;
}
