import { type TenantSmoke, type Verdict, verdictOf } from '../contract/check.js';
import type { Io } from './command.js';

const WORDS: Record<Verdict, string> = { pass: 'PASS', fail: 'FAIL', 'could-not-test': '????' };

/** The lines of a tenant, as the old script wrote them and people grep them: PASS on stdout, the others on stderr. */
export function tellTenant({ checks }: TenantSmoke, origin: string, io: Io): void {
  io.out('');
  io.out(`── ${origin} ──`);
  for (const { verdict, check, expected, got, leftBehind } of checks) {
    const tell = verdict === 'pass' ? io.out : io.err;
    tell(`  ${WORDS[verdict]} ${check}`);
    if (verdict !== 'pass') {
      tell(`    expected: ${expected}`);
      tell(`    got: ${got}`);
    }
    if (leftBehind !== undefined) io.err(`    left behind: ${leftBehind}`);
  }
}

export function tellSummary(results: TenantSmoke[], io: Io): void {
  const { pass, fail, 'could-not-test': open } = count(results);
  io.out('');
  io.out('=== CANARY SMOKE RESULTS ===');
  io.out(`  PASS: ${pass}`);
  io.out(`  FAIL: ${fail}`);
  if (open > 0) io.out(`  ????: ${open}`);
}

/** The same for machines. */
export function told(results: TenantSmoke[], origins: string[]) {
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
