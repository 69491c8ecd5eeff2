/**
 * What a check found. `fail` is an assertion that did not hold; `could-not-test` says nothing about the build:
 * the tenant did not answer, or refused our own token.
 */
export type Verdict = 'pass' | 'fail' | 'could-not-test';

export interface CheckResult {
  check: string;
  /** What a pass of it shows. */
  proves: string;
  verdict: Verdict;
  /** HTTP status of the answer; null without one. */
  status: number | null;
  latencyMs: number;
  /** What the answer had to be; empty on a pass. */
  expected: string;
  /** What came instead, cut and cleared of secrets; empty on a pass. */
  got: string;
  /** Where in the schema the answer did not fit, `$[0].content`; of the answer itself nothing is in it, so it may be public. */
  schemaPath?: string;
  /** How often it was tried, when more than once. */
  tries?: number;
  /** What its clean-up could not take away, and why. */
  leftBehind?: string;
}

export interface TenantSmoke {
  tenant: string;
  checks: CheckResult[];
  /** How many passed checks were left out of a report that would be too long. */
  passed?: number;
}

/** The worst verdict of all: one failed assertion makes it RED, else one check that could not be done leaves it open. */
export function verdictOf(results: TenantSmoke[]): Verdict {
  const verdicts = results.flatMap((result) => result.checks.map((check) => check.verdict));
  if (verdicts.includes('fail')) return 'fail';
  return verdicts.length === 0 || verdicts.includes('could-not-test') ? 'could-not-test' : 'pass';
}

/** `canary-2: memory search finds the probe`, a line for each check with this verdict. */
export function checksWith(verdict: Verdict, results: TenantSmoke[]): string[] {
  return results.flatMap(({ tenant, checks }) =>
    checks.filter((check) => check.verdict === verdict).map((check) => `${tenant}: ${check.check}`),
  );
}
