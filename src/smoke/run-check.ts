import { randomUUID } from 'node:crypto';
import type { CheckResult } from '../contract/check.js';
import { retryAfterMs } from '../net/retry-after.js';
import { type Judgement, judge, judgeError, NOT_ANSWERING } from './judge.js';
import { another, type Session } from './session.js';
import type { Check, CheckRequest, Values } from './suite.js';
import { namesIn } from './values.js';

/** Asks one check, and again while the tenant does not answer and the patience lasts. Each try begins at the first step with a
 * probe of its own, because a write that got no answer may have been carried out. Its values go to `tries`, for the checks that need this one
 * and for the clean-up: a try that broke off may have left something behind too.
 * @throws the signal's own reason when it is aborted. */
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
    const { judgement, status, latencyMs } = await attempt(session, check, values, signal);
    // Only what comes after the first try is at the expense of the patience.
    if (tries.length > 1) session.retryBudgetMs -= performance.now() - began;
    const { againAfterMs } = judgement;
    if (againAfterMs === undefined || !(await another(session, tries.length, againAfterMs, signal)))
      return resultOf(session, check, judgement, status, latencyMs, tries.length);
  }
}

interface Attempt {
  judgement: Judgement;
  status: number | null;
  latencyMs: number;
}

/** The steps until one is not answered as it must be. What they capture goes to `values`. */
async function attempt(
  session: Session,
  check: Check,
  values: Record<string, string> & Values,
  signal: AbortSignal,
): Promise<Attempt> {
  const started = performance.now();
  let status: number | null = null;
  let judgement: Judgement = { verdict: 'pass', expected: '', got: '' };
  for (const step of check.steps) {
    try {
      const told = await session.ask(step.request, values, signal);
      status = told.status;
      judgement = await judge(step, told, values);
    } catch (error) {
      signal.throwIfAborted();
      status = null;
      judgement = judgeError(error);
    }
    for (const [name, value] of Object.entries(judgement.captured ?? {})) {
      values[name] = value;
      session.keep(name, value);
    }
    if (judgement.verdict === 'pass') continue;
    if (check.steps.length > 1) judgement.expected = `${shownRequest(step.request)}: ${judgement.expected}`;
    break;
  }
  return { judgement, status, latencyMs: Math.round(performance.now() - started) };
}

function resultOf(
  session: Session,
  check: Check,
  { verdict, expected, got, schemaPath }: Judgement,
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
    expected: session.hide(expected),
    got: session.hide(got),
    ...(schemaPath !== undefined && { schemaPath }),
    ...(tries > 1 && { tries }),
  };
}

/** What a check is told as when it could not even be asked. */
export function notAsked(check: Check, expected: string, got: string): CheckResult {
  const { name, proves } = check;
  return { check: name, proves, verdict: 'could-not-test', status: null, latencyMs: 0, expected, got };
}

/** Takes away what the tries of a check left behind; says what it could not. What names something never captured has nothing to do. */
export async function cleanUp(session: Session, check: Check, tries: Values[], signal: AbortSignal): Promise<string[]> {
  const left: string[] = [];
  for (const values of tries)
    for (const request of check.cleanUp ?? []) {
      if (!namesIn([request.path, request.json]).every((name) => Object.hasOwn(values, name))) continue;
      const why = await remove(session, request, values, signal);
      if (why) left.push(session.hide(`${shownRequest(request)}: ${why}`));
    }
  return left;
}

/** Gone already is as good as removed. */
const REMOVED = [200, 202, 204, 404, 410];

/** Null when it is away, else why not. A tenant that restarts just now is given the time for it. */
async function remove(
  session: Session,
  request: CheckRequest,
  values: Values,
  signal: AbortSignal,
): Promise<string | null> {
  for (let tries = 1; ; tries += 1)
    try {
      const told = await session.ask(request, values, signal);
      if (REMOVED.includes(told.status)) return null;
      const why = `status ${told.status}`;
      if (
        !NOT_ANSWERING.includes(told.status) ||
        !(await another(session, tries, retryAfterMs(told.headers['retry-after']) ?? 0, signal))
      )
        return why;
    } catch (error) {
      if (signal.aborted) return 'no time left';
      const why = judgeError(error);
      if (why.againAfterMs === undefined || !(await another(session, tries, 0, signal).catch(() => false)))
        return why.got;
    }
}

const shownRequest = ({ method, path }: CheckRequest) => `${method} ${path}`;
