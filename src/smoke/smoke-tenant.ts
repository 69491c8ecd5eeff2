import { Pool } from 'undici';
import type { PlannedTenant } from '../contract/release.js';
import type { CheckResult, TenantSmoke } from '../contract/tenants/check.js';
import { formatDuration } from '../domain/duration.js';
import { DeadlineReached, withDeadline } from '../net/deadline.js';
import { cleanUp, runCheck, untested } from './run-check.js';
import { type Access, createSession, type Session } from './session.js';
import type { Check, Suite, Values } from './suite.js';
import { ABORTED_CLEAN_UP_MS, SMOKE_WAITS, type SmokeWaits } from './waits.js';

export interface SmokeOptions {
  suite: Suite;
  waits?: Partial<SmokeWaits>;
  signal?: AbortSignal;
}

/** Runs the whole suite on one tenant, in order, over one connection, and cleans up afterwards. A failed check is a result, never an error.
 * @throws the reason of the signal if it is aborted, after a short clean-up. */
export async function smokeTenant(tenant: PlannedTenant, access: Access, options: SmokeOptions): Promise<TenantSmoke> {
  const waits = { ...SMOKE_WAITS, ...options.waits };
  // undici limits only the connection: `requestMs` limits the whole request.
  const pool = new Pool(tenant.origin, {
    connections: 1,
    connectTimeout: waits.requestMs,
    headersTimeout: 0,
    bodyTimeout: 0,
  });
  const runs = options.suite.map((check): CheckRun => ({ check, tries: [] }));
  const session = createSession(pool, tenant.origin, access, options.suite, waits);
  let cleanUpMs = waits.cleanUpMs;
  try {
    await withDeadline(waits.suiteMs, options.signal, async (signal) => {
      for (const run of runs) run.result = await runOrSkip(session, run, runs, signal);
    });
    options.signal?.throwIfAborted();
  } catch (error) {
    cleanUpMs = Math.min(cleanUpMs, ABORTED_CLEAN_UP_MS);
    throw error;
  } finally {
    await cleanUpAll(session, runs, cleanUpMs).finally(() => pool.destroy());
  }
  return { tenant: tenant.name, checks: runs.flatMap(({ result }) => result ?? []) };
}

/** Smokes all tenants of a fleet in parallel, each with its own limits. Calls `onResult` as each one ends.
 * @throws the reason of the signal if it is aborted, after the clean-up of all tenants. */
export async function smokeFleet(
  fleet: readonly (PlannedTenant & { access: Access })[],
  options: SmokeOptions,
  onResult: (result: TenantSmoke, index: number) => void = () => undefined,
): Promise<TenantSmoke[]> {
  const outcomes = await Promise.allSettled(
    fleet.map(async ({ access, ...tenant }, index) => {
      const result = await smokeTenant(tenant, access, options);
      onResult(result, index);
      return result;
    }),
  );
  return outcomes.map((outcome) => {
    if (outcome.status === 'rejected') throw outcome.reason;
    return outcome.value;
  });
}

/** A check on one tenant: the values of each try, and the result if it has one. */
interface CheckRun {
  check: Check;
  tries: Values[];
  result?: CheckResult;
}

/** Runs a check, unless the check that it needs could not be tested or the time of the suite is over. */
async function runOrSkip(
  session: Session,
  { check, tries }: CheckRun,
  runs: CheckRun[],
  signal: AbortSignal,
): Promise<CheckResult> {
  const needed = runs.find((other) => other.check.name === check.needs);
  if (needed?.result?.verdict === 'could-not-test')
    return untested(check, `"${needed.check.name}" to be tested first`, 'it could not be tested');
  try {
    signal.throwIfAborted();
    return await runCheck(session, check, needed?.tries.at(-1), tries, signal);
  } catch (error) {
    if (!(error instanceof DeadlineReached)) throw error;
    return untested(check, 'an answer in time', `the suite reached its limit of ${formatDuration(error.ms)}`);
  }
}

/** Cleans up after all checks, the last one first: a later check may have written into a resource of an earlier one. */
async function cleanUpAll(session: Session, runs: CheckRun[], ms: number): Promise<void> {
  const controller = new AbortController();
  const timer = setTimeout(() => controller.abort(new DeadlineReached(ms)), ms);
  for (const run of [...runs].reverse()) {
    const leftBehind = await cleanUp(session, run.check, run.tries, controller.signal);
    if (run.result && leftBehind.length > 0) run.result.leftBehind = leftBehind.join('; ');
  }
  clearTimeout(timer);
}
