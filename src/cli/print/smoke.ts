import type { PlannedTenant } from '../../contract/release.js';
import { type CheckResult, type TenantSmoke, type Verdict, verdictOf } from '../../contract/tenants/check.js';
import { oneLine } from '../../domain/markdown.js';
import type { Io } from '../command.js';

const LABELS: Record<Verdict, string> = { pass: 'PASS', fail: 'FAIL', 'could-not-test': '????' };

/** Prints the lines of a tenant in the format of the script that this command replaced: PASS on stdout, the others on stderr. */
export function printTenant({ checks, observed = [] }: TenantSmoke, origin: string, io: Io): void {
  io.out('');
  io.out(`── ${origin} ──`);
  for (const { verdict, check, expected, got, leftBehind, measured } of checks) {
    const print = verdict === 'pass' ? io.out : io.err;
    print(`  ${LABELS[verdict]} ${check}`);
    if (verdict !== 'pass') {
      print(`    expected: ${expected}`);
      print(`    got: ${got}`);
    }
    if (measured !== undefined) print(`    measured: ${measured}`);
    if (leftBehind !== undefined) io.err(`    left behind: ${leftBehind}`);
  }
  for (const one of observed) io.out(`  ---- observed only: ${describeObserved(one)}`);
}

export function printSummary(results: TenantSmoke[], io: Io): void {
  const { pass, fail, 'could-not-test': untested } = count(results);
  io.out('');
  io.out('=== CANARY SMOKE RESULTS ===');
  io.out(`  PASS: ${pass}`);
  io.out(`  FAIL: ${fail}`);
  if (untested > 0) io.out(`  ????: ${untested}`);
}

/** The results as JSON, each with the address of its tenant. */
export function smokeData(results: TenantSmoke[], fleet: readonly PlannedTenant[]) {
  const origins = new Map(fleet.map(({ name, origin }) => [name, origin]));
  return {
    verdict: verdictOf(results),
    counts: count(results),
    tenants: results.map(({ tenant, checks, observed }) => ({
      tenant,
      url: origins.get(tenant),
      checks,
      ...(observed && { observed }),
    })),
  };
}

function count(results: TenantSmoke[]): Record<Verdict, number> {
  const counts = { pass: 0, fail: 0, 'could-not-test': 0 };
  for (const { verdict } of results.flatMap(({ checks }) => checks)) counts[verdict] += 1;
  return counts;
}

/** Result that is no part of the verdict: `error rate: pass, 0.1 to 0.2, 24 samples`. */
export const describeObserved = ({ check, verdict, measured, got }: CheckResult): string =>
  oneLine([`${check}: ${verdict}`, ...(measured ? [measured] : []), ...(got ? [got] : [])].join(', '));
