import { describe, expect, test } from 'vitest';
import { envOfGate, gatesSchema, readGates } from '../../src/config/gates.js';
import { loadWorkerConfig } from '../../src/config/load.js';
import type { Env } from '../../src/config/schema.js';
import { gateLane, parseLane, releaseId, taskQueue, waitTaskQueue } from '../../src/contract/ids.js';
import { parseSha } from '../../src/contract/sha.js';

const PAYMENTS = { CANARY_IMAGES: ['ghcr.io/acme/pay', 'ghcr.io/acme/pay-tenant'], CANARY_SOAK: '7m' };
const reading = (gates: unknown) => () => JSON.stringify({ gates });
const gates = (file: unknown, env: Env = {}) => readGates({ CANARY_GATES_FILE: 'gates.json', ...env }, reading(file));
const entryOf = (file: unknown, name: string, env?: Env) =>
  gates(file, env)?.get(gateLane(parseLane(env?.CANARY_LANE ?? ''), name));
const problems = (entry: unknown) => {
  const found = entryOf({ payments: entry }, 'payments');
  return found && 'problems' in found ? found.problems : [];
};

test('docs/gates.schema.json is the schema that the gate checks (npx vitest run test/config/gates.test.ts -u)', async () => {
  await expect(`${JSON.stringify(gatesSchema(), null, 2)}\n`).toMatchFileSnapshot('../../docs/gates.schema.json');
});

describe('a gate of the file', () => {
  test('has what it sets, and the rest of the environment', async () => {
    const env = { CANARY_SOAK: '8m', CANARY_APPROVAL: 'required', CANARY_HOLD_TIMEOUT: '1h' };
    const entry = entryOf({ payments: PAYMENTS }, 'payments', env);
    const { config } = await loadWorkerConfig((entry as { env: Env }).env);
    expect(config).toMatchObject({
      images: ['ghcr.io/acme/pay', 'ghcr.io/acme/pay-tenant'],
      soakMs: 7 * 60_000,
      approval: 'required',
      lane: 'gates.payments',
    });
  });

  test('shares the task queues of its workers, and has its own workflow ids', () => {
    const lane = gateLane(parseLane('eu'), 'payments');
    expect(taskQueue(lane)).toBe(taskQueue(parseLane('eu')));
    expect(waitTaskQueue(lane)).toBe('eu-canary-release-wait');
    expect(releaseId(lane, parseSha('4c1d56e'))).toBe('eu.payments-canary-release-4c1d56e');
  });

  test.each([
    [{ CANARY_LANE: 'x' }, 'CANARY_LANE is a setting of the worker, not of a gate'],
    [{ CANARY_HTTP_ADDR: ':1' }, 'CANARY_HTTP_ADDR is a setting of the worker, not of a gate'],
    [{ CANARY_ADMIN_TOKENS: 'hush-hush' }, 'CANARY_ADMIN_TOKENS is a secret: name its file, CANARY_ADMIN_TOKENS_FILE'],
    [{ GITHUB_TOKEN: 'hush-hush' }, 'GITHUB_TOKEN is a secret: name its file, GITHUB_TOKEN_FILE'],
    [{ CANARY_SOKA: '6m' }, '"CANARY_SOKA": no such setting'],
    [{ CANARY_SOAK: 6 }, 'CANARY_SOAK must be a string, or an array of strings'],
    [['CANARY_SOAK'], 'must be an object'],
  ])('that is %o is told, without a secret', (entry, expected) => {
    expect(problems(entry)).toEqual([`CANARY_GATES_FILE: gate payments: ${expected}`]);
  });

  test('that is invalid stops no other gate', () => {
    const found = gates({ broken: { NO: 'x' }, payments: PAYMENTS });
    expect([...(found?.values() ?? [])].map((one) => Object.keys(one))).toEqual([['problems'], ['env']]);
  });

  test('with a fleet or a token of its own has none of the environment', () => {
    const env = { CANARY_TENANT_URLS: 'https://a.example.com', CANARY_ADMIN_TOKENS: 'a', GITHUB_TOKEN: 'b' };
    const own = { ...PAYMENTS, CANARY_FLEET_FILE: 'fleet.json', GITHUB_TOKEN_FILE: 'token' };
    const entry = entryOf({ payments: own }, 'payments', env) as { env: Env };
    expect(Object.keys(entry.env).sort()).toEqual(
      ['CANARY_FLEET_FILE', 'CANARY_IMAGES', 'CANARY_LANE', 'CANARY_SOAK', 'GITHUB_TOKEN_FILE'].sort(),
    );
  });
});

describe('the file', () => {
  test.each<[string, () => string, string]>([
    ['is not JSON', () => '{"gates": hush-hush', 'gates.json is not JSON'],
    ['has no gates', () => '{}', 'gates is missing: an object of gates by name'],
    ['names no gate', () => '{"gates":{}}', 'names no gate'],
    ['has a gate with an odd name', () => '{"gates":{"A b":{}}}', 'invalid gate "A b"'],
  ])('that %s is refused whole', (_, readFile, expected) => {
    const read = () => readGates({ CANARY_GATES_FILE: 'gates.json' }, readFile);
    expect(read).toThrow(expected);
    expect(read).not.toThrow('hush-hush');
  });

  test('has no gate below a gate', () => {
    expect(() => gates({ payments: {} }, { CANARY_LANE: 'eu.payments' })).toThrow('names a gate already');
  });
});

describe('canary --gate', () => {
  const file = reading({ payments: PAYMENTS, search: {} });
  const env = { CANARY_GATES_FILE: 'gates.json', PATH: '/bin' };

  test('takes the environment of that gate', () => {
    expect(envOfGate(env, 'payments', file)).toMatchObject({
      CANARY_LANE: 'gates.payments',
      CANARY_SOAK: '7m',
      PATH: '/bin',
    });
  });
  test('needs no file where only Temporal is asked', () => {
    expect(envOfGate({ CANARY_LANE: 'eu' }, 'payments', file)).toEqual({ CANARY_LANE: 'eu.payments' });
  });
  test('names the gates there are', () => {
    expect(() => envOfGate(env, 'paymnets', file)).toThrow('no gate "paymnets": it names payments, search');
  });
});
