import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type { CheckResult } from '../contract/tenants/check.js';
import { parseDuration } from '../domain/duration.js';
import { retryAfterMs } from '../net/retry-after.js';
import { isUnavailable } from './answer/edge.js';
import type { Check, CheckRequest, Values } from './check.js';
import { type Evaluation, evaluateError } from './evaluate.js';
import { requestText } from './kinds/steps.js';
import { isJudge, type Judge, kindOf } from './kinds/table.js';
import { type Session, waitForRetry } from './session.js';
import { namesIn } from './values.js';

/** Pause between two tries for `failures` and `holds`. */
const EVERY = '5s';

/** Runs one check, with retries while there is no answer and the retry budget lasts, and again as its `failures` and `holds` say. Each
 * try begins at the first step with a new probe, because a write without an answer may have been carried out. The values of each try
 * are appended to `tries`, for the checks that need this one and for the clean-up: an incomplete try may have left something behind too.
 * @throws the reason of `signal` if it is aborted. */
export async function runCheck(
  session: Session,
  check: Check | Judge,
  given: Values | undefined,
  tries: Values[],
  signal: AbortSignal,
): Promise<CheckResult> {
  const { retries = Number.POSITIVE_INFINITY, failures = 1, every = EVERY } = check;
  const kind = kindOf(check);
  const holdsMs = kind.looksBack || check.holds === undefined ? 0 : parseDuration(check.holds);
  let passesSince: number | null = null;
  let fails = 0;
  for (let unanswered = 0; ; ) {
    const values = { ...(given ?? { probe: randomUUID() }) };
    tries.push(values);
    const began = performance.now();
    const { evaluation, status, latencyMs } = await kind.run(session, check, values, signal);
    const result = () => resultOf(session, check, evaluation, status, latencyMs, tries.length);
    const { verdict, retryInMs } = evaluation;
    // The first try is not charged to the retry budget.
    if (unanswered > 0) session.retryBudgetMs -= performance.now() - began;
    if (verdict === 'could-not-test') {
      passesSince = null;
      unanswered += 1;
      if (retryInMs === undefined || unanswered > retries) return result();
      if (!(await waitForRetry(session, unanswered, retryInMs, signal))) return result();
      continue;
    }
    fails = verdict === 'fail' ? fails + 1 : 0;
    passesSince = verdict === 'pass' ? (passesSince ?? began) : null;
    const isEnough = passesSince === null ? fails >= failures : performance.now() - passesSince >= holdsMs;
    if (isEnough) return result();
    await delay(parseDuration(every), undefined, { signal }).catch(() => signal.throwIfAborted());
  }
}

function resultOf(
  session: Session,
  check: Check | Judge,
  { verdict, expected, got, schemaPath, measured }: Evaluation,
  status: number | null,
  latencyMs: number,
  tries: number,
): CheckResult {
  return {
    check: check.name,
    proves: check.proves,
    verdict,
    status,
    latencyMs,
    expected: session.redact(expected),
    got: session.redact(got),
    ...(schemaPath !== undefined && { schemaPath }),
    ...(measured !== undefined && { measured: session.redact(measured) }),
    ...(tries > 1 && { tries }),
    ...(isJudge(check) && check.kind === 'drift' && { kind: check.kind }),
  };
}

/** Result of a check that was not run. */
export function untested(check: Pick<Check, 'name' | 'proves'>, expected: string, got: string): CheckResult {
  const { name, proves } = check;
  return { check: name, proves, verdict: 'could-not-test', status: null, latencyMs: 0, expected, got };
}

/** Removes what the tries of a check left behind. Returns the requests that failed, with the reason. A request that names a value which was never captured is skipped. */
export async function cleanUp(
  session: Session,
  check: Check | Judge,
  tries: Values[],
  signal: AbortSignal,
): Promise<string[]> {
  const failed: string[] = [];
  if (isJudge(check)) return failed;
  for (const values of tries)
    for (const request of check.cleanUp ?? []) {
      if (!namesIn([request.path, request.json]).every((name) => Object.hasOwn(values, name))) continue;
      const why = await remove(session, request, values, signal);
      if (why) failed.push(session.redact(`${requestText(request)}: ${why}`));
    }
  return failed;
}

/** Statuses of a successful clean-up, including those of a resource that no longer exists. */
const REMOVED = [200, 202, 204, 404, 410];

/** Sends a clean-up request, with retries for a tenant that restarts. Returns null if the resource is removed, else the reason. */
async function remove(
  session: Session,
  request: CheckRequest,
  values: Values,
  signal: AbortSignal,
): Promise<string | null> {
  for (let tries = 1; ; tries += 1)
    try {
      const response = await session.send(request, values, signal);
      if (REMOVED.includes(response.status)) return null;
      const why = `status ${response.status}`;
      if (
        !isUnavailable(response.status) ||
        !(await waitForRetry(session, tries, retryAfterMs(response.headers) ?? 0, signal))
      )
        return why;
    } catch (error) {
      if (signal.aborted) return 'no time left';
      const { retryInMs, got } = evaluateError(error);
      if (retryInMs === undefined || !(await waitForRetry(session, tries, 0, signal).catch(() => false))) return got;
    }
}
