import { expect, test } from 'vitest';
import type { CheckResult, TenantSmoke, Verdict } from '../../src/contract/tenants/check.js';
import { fitReport, MAX_REPORT } from '../../src/domain/fit.js';

const check = (verdict: Verdict): CheckResult => ({
  check: 'memory search finds the probe',
  proves: 'the memory that was written is found again',
  verdict,
  status: 200,
  latencyMs: 12,
  expected: verdict === 'pass' ? '' : 'the probe',
  got: verdict === 'pass' ? '' : 'ü'.repeat(100),
});
const fleet = (count: number, verdicts: Verdict[]): TenantSmoke[] =>
  Array.from({ length: count }, (_, index) => ({ tenant: `canary-${index + 1}`, checks: verdicts.map(check) }));
const bytes = (value: unknown) => Buffer.byteLength(JSON.stringify(value));

test('a report that fits is left as it is', () => {
  const report = { tenants: fleet(3, ['pass', 'fail']) };
  expect(fitReport(report)).toBe(report);
});

test('one that is too long keeps what failed, and counts the rest', () => {
  const tenants = [
    ...fleet(499, ['pass', 'pass', 'pass', 'pass', 'pass', 'pass']),
    { tenant: 'the red one', checks: [check('pass'), check('fail')] },
  ];
  const fitted = fitReport({ tenants });
  expect(bytes(fitted)).toBeLessThanOrEqual(MAX_REPORT);
  expect(fitted.tenants).toHaveLength(500);
  expect(fitted.tenants[0]).toMatchObject({ tenant: 'the red one', passed: 1, checks: [{ verdict: 'fail' }] });
});

test('when even that is too long, the number of tenants it says nothing of is in it', () => {
  const fitted = fitReport({ tenants: fleet(2_000, ['fail', 'fail', 'could-not-test']) });
  expect(bytes(fitted)).toBeLessThanOrEqual(MAX_REPORT + 50);
  expect(fitted).toMatchObject({ tenantsLeftOut: 2_000 - fitted.tenants.length });
  expect(fitted.tenants.length).toBeGreaterThan(100);
});
