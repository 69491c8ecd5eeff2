import type { CheckResult } from '../../src/contract/tenants/check.js';
import { answers, check, get, type Suite, z } from '../../src/smoke/index.js';
import { smokeTenant } from '../../src/smoke/smoke-tenant.js';
import type { SmokeWaits } from '../../src/smoke/waits.js';

export const TOKEN = 'the-admin-token';

/** Time limits for tests: milliseconds in place of seconds. */
export const SHORT: SmokeWaits = {
  requestMs: 700,
  suiteMs: 5_000,
  retryBudgetMs: 0,
  pauseMs: 20,
  maxPauseMs: 100,
  cleanUpMs: 1_000,
};

/** Suite of one check, which the answer `{"ok":true}` passes. */
export const ONE: Suite = [
  check('it is ok', 'the tenant says ok', get('/thing'), answers(200, z.object({ ok: z.literal(true) }))),
];

export interface SmokeWith {
  waits?: Partial<SmokeWaits>;
  headers?: Record<string, string>;
  signal?: AbortSignal;
}

/** Smokes a server as tenant `canary-1`. */
export async function smokeAt(origin: string, suite: Suite, given: SmokeWith = {}): Promise<CheckResult[]> {
  const { waits, headers = {}, signal } = given;
  const options = { suite, waits: { ...SHORT, ...waits }, ...(signal && { signal }) };
  return (await smokeTenant({ name: 'canary-1', origin }, { token: TOKEN, headers }, options)).checks;
}

/** Verdicts as one letter per check: P, F or ?. */
export const letters = (checks: CheckResult[]) =>
  checks.map(({ verdict }) => ({ pass: 'P', fail: 'F', 'could-not-test': '?' })[verdict]).join('');
