import { Pool } from 'undici';
import type { CheckResult, TenantSmoke } from '../contract/check.js';
import type { PlannedTenant } from '../contract/release.js';
import { formatDuration } from '../domain/duration.js';
import { DeadlineReached, withDeadline } from '../net/deadline.js';
import { cleanUp, notAsked, runCheck } from './run-check.js';
import { type Access, createSession, type Session } from './session.js';
import type { Check, Suite, Values } from './suite.js';
import { ABORTED_CLEAN_UP_MS, SMOKE_WAITS, type SmokeWaits } from './waits.js';

export interface SmokeOptions {
  suite: Suite;
  waits?: Partial<SmokeWaits>;
  signal?: AbortSignal;
}

/** Asks one tenant the whole suite, in order, over a connection of its own, and cleans up behind it. A red check is a result, never an error.
 * @throws the signal's own reason when it is aborted, after a short clean-up. */
export async function smokeTenant(tenant: PlannedTenant, access: Access, options: SmokeOptions): Promise<TenantSmoke> {
  const waits = { ...SMOKE_WAITS, ...options.waits };
  // No time-outs of its own but for the connection: ours bounds the whole request.
  const pool = new Pool(tenant.origin, {
    connections: 1,
    connectTimeout: waits.requestMs,
    headersTimeout: 0,
    bodyTimeout: 0,
  });
  const asked = options.suite.map((check): Asked => ({ check, tries: [] }));
  const session = createSession(pool, tenant.origin, access, options.suite, waits);
  let cleanUpMs = waits.cleanUpMs;
  try {
    await withDeadline(waits.suiteMs, options.signal, async (signal) => {
      for (const one of asked) one.result = await askCheck(session, one, asked, signal);
    });
    options.signal?.throwIfAborted();
  } catch (error) {
    cleanUpMs = Math.min(cleanUpMs, ABORTED_CLEAN_UP_MS);
    throw error;
  } finally {
    await cleanUpAll(session, asked, cleanUpMs).finally(() => pool.destroy());
  }
  return { tenant: tenant.name, checks: asked.flatMap(({ result }) => result ?? []) };
}

/** A fleet: every tenant at once, each in its own time. Tells each result as it comes.
 * @throws the signal's own reason when it is aborted, after the clean-up of all. */
export async function smokeFleet(
  fleet: readonly (PlannedTenant & { access: Access })[],
  options: SmokeOptions,
  tell: (result: TenantSmoke, index: number) => void = () => undefined,
): Promise<TenantSmoke[]> {
  const ends = await Promise.allSettled(
    fleet.map(async ({ access, ...tenant }, index) => {
      const result = await smokeTenant(tenant, access, options);
      tell(result, index);
      return result;
    }),
  );
  return ends.map((end) => {
    if (end.status === 'rejected') throw end.reason;
    return end.value;
  });
}

/** A check of the suite on this tenant, so far. */
interface Asked {
  check: Check;
  tries: Values[];
  result?: CheckResult;
}

async function askCheck(session: Session, one: Asked, asked: Asked[], signal: AbortSignal): Promise<CheckResult> {
  const { check, tries } = one;
  const needed = asked.find((other) => other.check.name === check.needs);
  if (needed?.result?.verdict === 'could-not-test')
    return notAsked(check, `"${needed.check.name}" to be tested first`, 'it could not be');
  try {
    signal.throwIfAborted();
    return await runCheck(session, check, needed?.tries.at(-1), tries, signal);
  } catch (error) {
    if (!(error instanceof DeadlineReached)) throw error;
    return notAsked(check, 'an answer in time', `the suite's ${formatDuration(error.ms)} were over`);
  }
}

/** The last first: what came later may lie in what was there before. */
async function cleanUpAll(session: Session, asked: Asked[], ms: number): Promise<void> {
  const left = new AbortController();
  const timer = setTimeout(() => left.abort(new DeadlineReached(ms)), ms);
  for (const one of [...asked].reverse()) {
    const leftBehind = await cleanUp(session, one.check, one.tries, left.signal);
    if (one.result && leftBehind.length > 0) one.result.leftBehind = leftBehind.join('; ');
  }
  clearTimeout(timer);
}
