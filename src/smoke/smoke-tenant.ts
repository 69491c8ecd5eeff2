import { randomUUID } from 'node:crypto';
import type { CheckResult, TenantSmoke, Verdict } from '../domain/check.js';
import type { PlannedTenant } from '../domain/release.js';
import { type HttpAnswer, NoAnswer, send } from '../http.js';
import type { Check } from './check.js';

/** A tenant answers within 20 s, as the old script had it. */
const REQUEST_TIMEOUT_MS = 20_000;
const MAX_BODY = 1024 * 1024;
const MAX_SHOWN = 200;
/** The tenant, or what stands before it, is not there or wants to be left alone: no word about the build. */
const NOT_ANSWERING = [429, 502, 503, 504];

/** Asks one tenant the whole suite, in order. A red check is a result, never an error.
 * @throws the signal's own reason when it is aborted. */
export async function smokeTenant(
  tenant: PlannedTenant,
  token: string,
  suite: Check[],
  signal?: AbortSignal,
): Promise<TenantSmoke> {
  const probe = randomUUID();
  const checks: CheckResult[] = [];
  for (const check of suite) checks.push(await runCheck(check, probe, tenant.origin, token, signal));
  return { tenant: tenant.name, checks };
}

async function runCheck(check: Check, probe: string, origin: string, token: string, signal?: AbortSignal) {
  const { method, path, json, as } = check.request(probe);
  const found = (verdict: Verdict, status: number | null, latencyMs: number, expected = '', got = ''): CheckResult => ({
    check: check.name,
    proves: check.proves,
    verdict,
    status,
    latencyMs,
    expected,
    got: got.replaceAll(token, '[token]').slice(0, MAX_SHOWN),
  });
  try {
    const answer = await send({
      method,
      url: new URL(path, origin),
      headers: {
        accept: 'application/json',
        ...(as === 'admin' && { authorization: `Bearer ${token}` }),
        ...(json !== undefined && { 'content-type': 'application/json' }),
      },
      ...(json !== undefined && { body: JSON.stringify(json) }),
      timeoutMs: REQUEST_TIMEOUT_MS,
      maxBytes: MAX_BODY,
      ...(signal && { signal }),
    });
    if (NOT_ANSWERING.includes(answer.status))
      return found(
        'could-not-test',
        answer.status,
        answer.latencyMs,
        'an answer of the tenant itself',
        shownBody(answer),
      );
    if (as === 'admin' && (answer.status === 401 || answer.status === 403))
      return found('could-not-test', answer.status, answer.latencyMs, 'our own token accepted', 'token refused');
    const wrong = mismatch(check.answer(probe), answer);
    return wrong
      ? found('fail', answer.status, answer.latencyMs, wrong.expected, wrong.got)
      : found('pass', answer.status, answer.latencyMs);
  } catch (error) {
    if (!(error instanceof NoAnswer)) throw error;
    const verdict = error.code === 'too-large' ? 'fail' : 'could-not-test';
    return found(verdict, null, error.latencyMs, `an answer of at most ${MAX_BODY} bytes`, error.code);
  }
}

function mismatch(wanted: ReturnType<Check['answer']>, answer: HttpAnswer) {
  if (answer.status !== wanted.status)
    return { expected: `status ${wanted.status}`, got: `status ${answer.status}: ${shownBody(answer)}` };
  if (!wanted.json) return null;
  const type = String(answer.headers['content-type'] ?? 'none').split(';')[0];
  if (type !== 'application/json')
    return { expected: 'content type application/json', got: `${type}: ${shownBody(answer)}` };
  let body: unknown;
  try {
    body = JSON.parse(answer.body.toString('utf8'));
  } catch {
    return { expected: 'JSON', got: shownBody(answer) };
  }
  const result = wanted.json.safeParse(body);
  if (result.success) return null;
  const issue = result.error.issues[0];
  return { expected: `${issue?.path.join('.') || 'the body'}: ${issue?.message}`, got: shownBody(answer) };
}

function shownBody(answer: HttpAnswer): string {
  return answer.body.subarray(0, MAX_SHOWN).toString('utf8').replace(/\s+/g, ' ');
}
