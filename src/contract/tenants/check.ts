import type { Sha } from '../sha.js';

/**
 * Result of a check. `fail`: an assertion did not hold. `could-not-test`: nothing is known about the build, because
 * the tenant did not answer or refused the gate's token.
 */
export type Verdict = 'pass' | 'fail' | 'could-not-test';

/** Result of one check on one tenant. */
export interface CheckResult {
  check: string;
  /** What a pass shows. */
  proves: string;
  verdict: Verdict;
  /** HTTP status of the answer; null without an answer. */
  status: number | null;
  latencyMs: number;
  /** Expected answer; empty on a pass. */
  expected: string;
  /** Actual answer, cut and without secrets; empty on a pass. */
  got: string;
  /** Path at which the answer did not match the schema, `$[0].content`. It contains nothing of the answer, so it may be public. */
  schemaPath?: string;
  /** What a judge measured. */
  measured?: string;
  /** Set if it compared the configuration of tenants. */
  kind?: 'drift';
  /** Number of tries, if more than one. */
  tries?: number;
  /** What the clean-up could not delete, and why. */
  leftBehind?: string;
}

/** Results of all checks on one tenant. */
export interface TenantSmoke {
  tenant: string;
  checks: CheckResult[];
  /** Results of checks with `observe`: they are shown, and are no part of any verdict. */
  observed?: CheckResult[];
  /** Number of passed checks that were left out because the report would be too long. */
  passed?: number;
}

/** Last verdict of canary on a build; it outlives the run that gave it. */
export interface BuildVerdict {
  sha: Sha;
  verdict: 'GREEN' | 'RED';
  /** Failed checks, one line each: `canary-2: memory search finds the probe`. Empty if GREEN. */
  failed: string[];
  /** Run that gave it. */
  runId: string;
  /** End of that run, ISO 8601. */
  at: string;
}

/** Worst verdict of all checks: `fail` before `could-not-test` before `pass`. */
export function verdictOf(results: TenantSmoke[]): Verdict {
  const verdicts = results.flatMap((result) => result.checks.map((check) => check.verdict));
  if (verdicts.includes('fail')) return 'fail';
  return verdicts.length === 0 || verdicts.includes('could-not-test') ? 'could-not-test' : 'pass';
}

/** Names of the tenants with a check of a verdict, each once. */
export function tenantsWith(verdict: Verdict, results: TenantSmoke[]): string[] {
  const found = results.filter(({ checks }) => checks.some((check) => check.verdict === verdict));
  return [...new Set(found.map(({ tenant }) => tenant))];
}

/** Checks with a verdict, one line each: `canary-2: memory search finds the probe`. */
export function checksWith(verdict: Verdict, results: TenantSmoke[]): string[] {
  return results.flatMap(({ tenant, checks }) =>
    checks.filter((check) => check.verdict === verdict).map((check) => `${tenant}: ${check.check}`),
  );
}
