import { randomUUID } from 'node:crypto';
import type { CheckResult } from '../contract/tenants/check.js';
import { retryAfterMs } from '../net/retry-after.js';
import { type Evaluation, evaluateError, evaluateResponse, UNAVAILABLE } from './evaluate.js';
import { type Session, waitForRetry } from './session.js';
import type { Check, CheckRequest, Values } from './suite.js';
import { namesIn } from './values.js';

/** Runs one check, with retries while the tenant does not answer and the retry budget lasts. Each try begins at the first step with a
 * new probe, because a write without an answer may have been carried out. The values of each try are appended to `tries`, for the
 * checks that need this one and for the clean-up: an incomplete try may have left something behind too.
 * @throws the reason of `signal` if it is aborted. */
export async function runCheck(
  session: Session,
  check: Check,
  given: Values | undefined,
  tries: Values[],
  signal: AbortSignal,
): Promise<CheckResult> {
  for (;;) {
    const values = { ...(given ?? { probe: randomUUID() }) };
    tries.push(values);
    const began = performance.now();
    const { evaluation, status, latencyMs } = await attempt(session, check, values, signal);
    // The first try is not charged to the retry budget.
    if (tries.length > 1) session.retryBudgetMs -= performance.now() - began;
    const { retryInMs } = evaluation;
    if (retryInMs === undefined || !(await waitForRetry(session, tries.length, retryInMs, signal)))
      return resultOf(session, check, evaluation, status, latencyMs, tries.length);
  }
}

interface Attempt {
  evaluation: Evaluation;
  status: number | null;
  latencyMs: number;
}

/** Runs the steps in order, up to the first that does not pass. Adds what they capture to `values`. */
async function attempt(
  session: Session,
  check: Check,
  values: Record<string, string> & Values,
  signal: AbortSignal,
): Promise<Attempt> {
  const started = performance.now();
  let status: number | null = null;
  let evaluation: Evaluation = { verdict: 'pass', expected: '', got: '' };
  for (const step of check.steps) {
    try {
      const response = await session.send(step.request, values, signal);
      status = response.status;
      evaluation = await evaluateResponse(step, response, values);
    } catch (error) {
      signal.throwIfAborted();
      status = null;
      evaluation = evaluateError(error);
    }
    for (const [name, value] of Object.entries(evaluation.captured ?? {})) {
      values[name] = value;
      session.addCaptured(name, value);
    }
    if (evaluation.verdict === 'pass') continue;
    if (check.steps.length > 1) evaluation.expected = `${requestText(step.request)}: ${evaluation.expected}`;
    break;
  }
  return { evaluation, status, latencyMs: Math.round(performance.now() - started) };
}

function resultOf(
  session: Session,
  check: Check,
  { verdict, expected, got, schemaPath }: Evaluation,
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
    ...(tries > 1 && { tries }),
  };
}

/** Result of a check that was not run. */
export function untested(check: Check, expected: string, got: string): CheckResult {
  const { name, proves } = check;
  return { check: name, proves, verdict: 'could-not-test', status: null, latencyMs: 0, expected, got };
}

/** Removes what the tries of a check left behind. Returns the requests that failed, with the reason. A request that names a value which was never captured is skipped. */
export async function cleanUp(session: Session, check: Check, tries: Values[], signal: AbortSignal): Promise<string[]> {
  const failed: string[] = [];
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
        !UNAVAILABLE.includes(response.status) ||
        !(await waitForRetry(session, tries, retryAfterMs(response.headers['retry-after']) ?? 0, signal))
      )
        return why;
    } catch (error) {
      if (signal.aborted) return 'no time left';
      const { retryInMs, got } = evaluateError(error);
      if (retryInMs === undefined || !(await waitForRetry(session, tries, 0, signal).catch(() => false))) return got;
    }
}

const requestText = ({ method, path }: CheckRequest) => `${method} ${path}`;
