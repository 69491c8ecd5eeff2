import { type TenantSmoke, type Verdict, verdictOf } from '../../contract/tenants/check.js';
import type { Io } from '../command.js';

const LABELS: Record<Verdict, string> = { pass: 'PASS', fail: 'FAIL', 'could-not-test': '????' };

/** Prints the lines of a tenant in the format of the script that this command replaced: PASS on stdout, the others on stderr. */
export function printTenant({ checks }: TenantSmoke, origin: string, io: Io): void {
  io.out('');
  io.out(`── ${origin} ──`);
  for (const { verdict, check, expected, got, leftBehind } of checks) {
    const print = verdict === 'pass' ? io.out : io.err;
    print(`  ${LABELS[verdict]} ${check}`);
    if (verdict !== 'pass') {
      print(`    expected: ${expected}`);
      print(`    got: ${got}`);
    }
    if (leftBehind !== undefined) io.err(`    left behind: ${leftBehind}`);
  }
}

export function printSummary(results: TenantSmoke[], io: Io): void {
  const { pass, fail, 'could-not-test': untested } = count(results);
  io.out('');
  io.out('=== CANARY SMOKE RESULTS ===');
  io.out(`  PASS: ${pass}`);
  io.out(`  FAIL: ${fail}`);
  if (untested > 0) io.out(`  ????: ${untested}`);
}

/** The results as JSON. */
export function smokeData(results: TenantSmoke[], origins: string[]) {
  return {
    verdict: verdictOf(results),
    counts: count(results),
    tenants: results.map(({ tenant, checks }, index) => ({ tenant, url: origins[index], checks })),
  };
}

function count(results: TenantSmoke[]): Record<Verdict, number> {
  const counts = { pass: 0, fail: 0, 'could-not-test': 0 };
  for (const { verdict } of results.flatMap(({ checks }) => checks)) counts[verdict] += 1;
  return counts;
}
