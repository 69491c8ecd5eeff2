import type { PlannedTenant } from '../contract/release.js';
import type { CheckResult, TenantSmoke } from '../contract/tenants/check.js';
import { formatDuration } from '../domain/duration.js';
import { DeadlineReached, withDeadline } from '../net/deadline.js';
import { DIRECT } from '../net/network.js';
import { openPool } from '../net/pool.js';
import type { Check, Values } from './check.js';
import type { JudgeAccess, JudgeContext } from './kinds/judge.js';
import { isJudge, type Judge } from './kinds/table.js';
import { cleanUp, runCheck, untested } from './run-check.js';
import { type Access, createSession, type Session } from './session.js';
import { requestsOf, type Suite } from './suite.js';
import { ABORTED_CLEAN_UP_MS, MAX_SUITE_MS, SMOKE_WAITS, type SmokeWaits } from './waits.js';

export interface SmokeOptions {
  suite: Suite;
  /** How judges reach what they ask, and the window that they look back on; without it no judge can judge. */
  judging?: Pick<JudgeContext, 'access' | 'window' | 'quarantined'>;
  waits?: Partial<SmokeWaits>;
  signal?: AbortSignal;
}

/** How judges judge without a release: they look back on the time that a soak would have. */
export function judgingNow({ judging, soakMs }: { judging: JudgeAccess; soakMs: number }) {
  const until = Date.now();
  return { access: judging, window: { from: until - soakMs, until } };
}

/** Runs the whole suite on one tenant, in order, what only observes last, over one connection, and cleans up afterwards. A failed check is a result, never an error.
 * @throws the reason of the signal if it is aborted, after a short clean-up. */
export async function smokeTenant(tenant: PlannedTenant, access: Access, options: SmokeOptions): Promise<TenantSmoke> {
  const waits = { ...SMOKE_WAITS, ...options.waits };
  const { origin } = tenant;
  const { network = DIRECT, tls = null } = access;
  const pool = openPool({ network, connectMs: waits.requestMs, connections: 1, tlsFor: () => tls });
  // Nothing goes to another origin.
  const toTenant = pool.compose((dispatch) => (request, handler) => dispatch({ ...request, origin }, handler));
  const began = performance.now();
  const runsOf = (isObserved: boolean) =>
    options.suite
      .filter(({ observe = false }) => observe === isObserved)
      .map((check): CheckRun => ({ check, tries: [] }));
  const [counting, observing] = [runsOf(false), runsOf(true)];
  const runs = [...counting, ...observing];
  const judged = { access: null, window: null, ...options.judging, tenant: { name: tenant.name, origin } };
  const session = createSession(toTenant, origin, access, options.suite.flatMap(requestsOf), waits, judged);
  let cleanUpMs = waits.cleanUpMs;
  try {
    await withDeadline(waits.suiteMs, options.signal, async (signal) => {
      for (const run of counting) run.result = await runOrSkip(session, run, runs, signal);
    });
    if (observing.length > 0) await observe(session, observing, runs, began, options.signal);
    options.signal?.throwIfAborted();
  } catch (error) {
    cleanUpMs = Math.min(cleanUpMs, ABORTED_CLEAN_UP_MS);
    throw error;
  } finally {
    await cleanUpAll(session, runs, cleanUpMs).finally(() => pool.destroy());
  }
  const results = (of: CheckRun[]) => of.flatMap(({ result = [] }) => result);
  const observed = results(observing);
  return { tenant: tenant.name, checks: results(counting), ...(observed.length > 0 && { observed }) };
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
  check: Check | Judge;
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
  const needed = runs.find((other) => !isJudge(check) && other.check.name === check.needs);
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

/** Runs the checks that only observe, once all that counts is decided, with a retry budget and a limit of their own, within the time of the
 * activity. What goes wrong with them is their result.
 * @throws the reason of `aborted` if it is aborted. */
async function observe(
  session: Session,
  observing: CheckRun[],
  runs: CheckRun[],
  began: number,
  aborted: AbortSignal | undefined,
): Promise<void> {
  const { suiteMs, retryBudgetMs } = session.waits;
  session.retryBudgetMs = retryBudgetMs;
  const leftMs = 1_000 * Math.floor((MAX_SUITE_MS - (performance.now() - began)) / 1_000);
  await withDeadline(Math.min(suiteMs, Math.max(0, leftMs)), aborted, async (signal) => {
    for (const run of observing)
      run.result = await runOrSkip(session, run, runs, signal).catch(() => {
        aborted?.throwIfAborted();
        return untested(run.check, 'a result', 'it ended with an error');
      });
  });
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
