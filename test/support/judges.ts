import type { CheckResult, TenantSmoke } from '../../src/contract/tenants/check.js';
import { DIRECT } from '../../src/net/network.js';
import type { ReadOthers } from '../../src/smoke/drift/facts.js';
import type { Suite } from '../../src/smoke/index.js';
import { judgeAccess, type Window } from '../../src/smoke/kinds/judge.js';
import { smokeTenant } from '../../src/smoke/smoke-tenant.js';
import type { SmokeWaits } from '../../src/smoke/waits.js';
import { SHORT, TOKEN } from './smoke.js';

/** Window of a soak of six minutes that ended a moment ago, at a whole second. */
export const soak = (ms = 360_000): Window => {
  const until = Math.floor(Date.now() / 1_000) * 1_000;
  return { from: until - ms, until };
};

export interface JudgeWith {
  window?: Window | null;
  env?: Record<string, string>;
  /** Contents of the files that it may name as secrets, by name. */
  files?: Record<string, string>;
  waits?: Partial<SmokeWaits>;
  origin?: string;
  /** What tenants are compared with. */
  others?: ReadOthers;
  signal?: AbortSignal;
}

/** Runs a suite on tenant `canary-1`, which nothing may ask. */
export async function judge(suite: Suite, given: JudgeWith = {}): Promise<TenantSmoke> {
  const {
    window = soak(),
    env = {},
    files = {},
    waits = {},
    origin = 'http://127.0.0.1:9',
    others = null,
    signal,
  } = given;
  const readFile = (path: string) => {
    const text = files[path.split('/').at(-1) ?? ''];
    if (text === undefined) throw Object.assign(new Error('no such file'), { code: 'ENOENT' });
    return text;
  };
  const access = judgeAccess(null, { env: { PATH: process.env.PATH, ...env }, network: DIRECT, readFile, others });
  const options = {
    suite,
    judging: { access, window },
    waits: { ...SHORT, requestMs: 20_000, suiteMs: 60_000, ...waits },
  };
  return smokeTenant(
    { name: 'canary-1', origin },
    { token: TOKEN, headers: {} },
    { ...options, ...(signal && { signal }) },
  );
}

/** The only result of a suite of one check. */
export async function judgeOne(check: Suite[number], given: JudgeWith = {}): Promise<CheckResult> {
  const { checks } = await judge([check], given);
  if (checks.length !== 1 || checks[0] === undefined) throw new Error(`${checks.length} results`);
  return checks[0];
}
