import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, describe, expect, test } from 'vitest';
import { main } from '../../src/cli/main.js';
import { junit } from '../../src/cli/print/junit.js';
import type { Misbehavior } from '../../testbed/misbehaviors.js';
import { startTenant, type Tenant } from '../../testbed/tenant.js';
import { startWorkspaceTenant } from '../../testbed/workspace-tenant.js';
import { newSha } from '../support/shas.js';
import { until } from '../support/until.js';

const TOKEN = 'token-of-the-command-line';
const folder = mkdtempSync(join(tmpdir(), 'canary-smoke-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

let tenants: Tenant[] = [];
afterEach(async () => {
  await Promise.all(tenants.map((tenant) => tenant.stop()));
  for (const tenant of tenants) expect(tenant.unforeseen).toEqual([]);
  tenants = [];
});

async function fleet(...misbehaviors: Misbehavior[][]): Promise<Record<string, string>> {
  tenants = await Promise.all(
    misbehaviors.map((misbehave, index) =>
      startTenant({ name: `canary-${index + 1}`, token: TOKEN, build: { sha: newSha(), misbehave } }),
    ),
  );
  return {
    CANARY_TENANT_URLS: tenants.map(({ url }) => url).join('\n'),
    CANARY_ADMIN_TOKENS: tenants.map(() => TOKEN).join(' '),
  };
}

/** Runs smoke in an environment without a Temporal server, which it does not need. */
async function smoke(args: string[], env: Record<string, string>, more: { input?: string; signal?: AbortSignal } = {}) {
  const out: string[] = [];
  const err: string[] = [];
  const code = await main(['smoke', ...args], {
    env: { TEMPORAL_ADDRESS: '127.0.0.1:1', ...env },
    out: (line) => out.push(line),
    err: (line) => err.push(line),
    input: async () => more.input ?? '',
    signal: more.signal ?? new AbortController().signal,
  });
  expect([...out, ...err].join('\n')).not.toContain(TOKEN);
  return { code, out, err };
}

const SIX = [
  'liveness returns a subsystems map',
  'workspace list is JSON array',
  'memory commit accepted',
  'memory search finds the probe',
  'events endpoint returns JSON',
  "unauth'd /admin/liveness returns 401",
];
const pass = (names: string[]) => names.map((name) => `  PASS ${name}`);

describe('canary smoke', () => {
  test('exits 0 if every check passes', async () => {
    const { code, out, err } = await smoke([], await fleet([], []));
    const [a, b] = tenants.map(({ url }) => ['', `── ${url} ──`, ...pass(SIX)]);
    expect({ code, out, err }).toEqual({
      code: 0,
      out: [...(a ?? []), ...(b ?? []), '', '=== CANARY SMOKE RESULTS ===', '  PASS: 12', '  FAIL: 0'],
      err: [],
    });
  });

  test('exits 1 if an assertion failed, and prints expected and got', async () => {
    const { code, out, err } = await smoke([], await fleet(['memory-search']));
    expect(code).toBe(1);
    expect(err).toEqual([
      '  FAIL memory search finds the probe',
      '    expected: the body: Too small: expected array to have >=1 items',
      '    got: []',
    ]);
    expect(out.slice(-3)).toEqual(['=== CANARY SMOKE RESULTS ===', '  PASS: 5', '  FAIL: 1']);
  });

  test('exits 4 if a check could not be tested', async () => {
    const { code, out, err } = await smoke([], await fleet(['reject-token']));
    expect(code).toBe(4);
    expect(err.slice(0, 3)).toEqual([
      '  ???? liveness returns a subsystems map',
      '    expected: our own token accepted',
      '    got: token refused: status 401: {"error":"admin token required"}',
    ]);
    expect(out.slice(-3)).toEqual(['  PASS: 1', '  FAIL: 0', '  ????: 5']);
  });

  test('exits 1 if an assertion failed on one tenant, and another could not be tested', async () => {
    expect((await smoke([], await fleet(['reject-token'], ['empty-subsystems']))).code).toBe(1);
  });

  test.each<[string, Record<string, string>, string[]]>([
    ['no fleet', {}, ['ERROR: no canary URLs configured']],
    [
      'two lists of different length',
      { CANARY_TENANT_URLS: 'https://a.example' },
      [
        'ERROR: URLS(1) and TOKENS(0) length mismatch: CANARY_TENANT_URLS and CANARY_ADMIN_TOKENS are paired by position',
      ],
    ],
    [
      'every problem at once',
      { CANARY_SOAK: 'x', CANARY_SMOKE_SUITE: 'suite.py' },
      [
        'ERROR: CANARY_SMOKE_SUITE: must be a .ts or .js file',
        'ERROR: CANARY_SOAK: invalid duration "x": expected e.g. 6m or 30s',
      ],
    ],
  ])('exits 2 for a set-up problem: %s', async (_what, env, lines) => {
    const { code, out, err } = await smoke([], env);
    expect({ code, out, err: err.sort() }).toEqual({ code: 2, out: [], err: lines });
  });

  test('exits 130 after Ctrl-C', async () => {
    const env = await fleet(['hang']);
    const abort = new AbortController();
    const run = smoke([], env, { signal: abort.signal });
    await until('it asks', () => tenants[0]?.requests.length);
    abort.abort();
    expect(await run).toEqual({ code: 130, out: [], err: ['canary: interrupted'] });
  });
});

describe('canary smoke -o json', () => {
  test('prints one object on stdout, and nothing else', async () => {
    const { code, out, err } = await smoke(['-o', 'json'], await fleet(['commit-no-id']));
    expect({ code, err, lines: out.length }).toEqual({ code: 1, err: [], lines: 1 });
    const printed = JSON.parse(out[0] ?? '');
    expect(printed).toMatchObject({
      verdict: 'fail',
      counts: { pass: 5, fail: 1, 'could-not-test': 0 },
      tenants: [{ tenant: 'canary-1', url: tenants[0]?.url }],
    });
    expect(printed.tenants[0].checks[2]).toMatchObject({
      check: SIX[2],
      verdict: 'fail',
      status: 201,
      schemaPath: '$.id',
    });
  });
});

describe('canary smoke --junit', () => {
  test('writes the checks of each tenant, and the public part of an answer', async () => {
    const file = join(folder, 'smoke.xml');
    await smoke(['--junit', file], await fleet(['empty-subsystems', 'search-echo'], ['reject-token']));
    const xml = readFileSync(file, 'utf8').replaceAll(/time="[\d.]+"/g, 'time="0"');
    expect(xml).toContain('<testsuites name="canary smoke" tests="12" failures="2" errors="5" skipped="0" time="0">');
    expect(xml).toContain(
      '<testcase classname="canary-1" name="liveness returns a subsystems map" time="0">\n<failure type="fail" message="status 200, schema path $.subsystems"/>',
    );
    expect(xml).toContain('<failure type="fail" message="status 404"/>');
    expect(xml).toContain('<testcase classname="canary-2" name="unauth&apos;d /admin/liveness returns 401" time="0"/>');
    expect(xml).not.toMatch(/127\.0\.0\.1|doctype|refused/);
  });

  test('escapes a name, and replaces what XML cannot contain', () => {
    const check = {
      check: `<a> & "b" 'c'\u0007\ud800\n`,
      proves: '',
      verdict: 'pass' as const,
      status: 200,
      latencyMs: 1,
      expected: '',
      got: '',
    };
    expect(junit([{ tenant: 'x', checks: [check] }])).toContain(
      'name="&lt;a&gt; &amp; &quot;b&quot; &apos;c&apos;\\u0007\\ud800\\n"',
    );
  });

  test('with a file that cannot be written is an error before any tenant is tested', async () => {
    const { code, err } = await smoke(['--junit', join(folder, 'no', 'such.xml')], await fleet([]));
    expect({ code, asked: tenants[0]?.requests.length }).toEqual({ code: 2, asked: 0 });
    expect(err[0]).toMatch(/^canary: --junit: ENOENT/);
  });
});

describe('canary smoke --url', () => {
  const tokenFile = join(folder, 'token');
  writeFileSync(tokenFile, `${TOKEN}\n`);
  test.each<[string, string[], Record<string, string>, string?]>([
    ['a variable', ['--token-env', 'MY_TOKEN'], { MY_TOKEN: TOKEN }],
    ['a file', ['--token-file', tokenFile], {}],
    ['standard input', ['--token-file', '-'], {}, `${TOKEN}\n`],
    [
      'a variable, and the configured fleet is ignored',
      ['--token-env', 'MY_TOKEN'],
      { MY_TOKEN: TOKEN, CANARY_FLEET_FILE: '/nowhere', CANARY_TENANT_URLS: 'x' },
    ],
  ])('tests a tenant with its token from %s', async (_what, args, env, input) => {
    await fleet([]);
    const { code, out } = await smoke(['--url', `${tenants[0]?.url}/`, ...args], env, { ...(input && { input }) });
    expect({ code, first: out[1] }).toEqual({ code: 0, first: `── ${tenants[0]?.url} ──` });
  });

  test.each<[string[], string]>([
    [['--url', 'https://a.example'], '--url needs one of --token-env NAME and --token-file FILE'],
    [
      ['--url', 'https://a.example', '--token-env', 'A', '--token-file', '-'],
      '--url needs one of --token-env NAME and --token-file FILE',
    ],
    [['--url', 'https://a.example', '--token-env', 'NOT_SET'], '--token-env NOT_SET: the token is empty'],
    [['--url', 'https://a.example', '--token-file', '-'], '--token-file: the token is empty'],
    [
      ['--url', 'http://a.example', '--token-env', 'A'],
      '--url is plain http to a.example: a token goes over https, or to this machine only',
    ],
    [['--token-env', 'A'], '--token-env and --token-file need --url'],
  ])('%j is a usage error', async (args, line) => {
    expect(await smoke(args, {})).toEqual({ code: 2, out: [], err: [`canary: ${line}`] });
  });
});

test('canary smoke tests tenants of a fleet file with other paths and headers, by a custom suite', async () => {
  const tenant = await startWorkspaceTenant({ token: TOKEN, org: 'org-7' });
  const file = join(folder, 'fleet.json');
  const headers = { 'X-Molecule-Org-Id': { env: 'ORG' } };
  writeFileSync(file, JSON.stringify({ tenants: [{ name: 'eu', url: tenant.url, token: { env: 'EU' }, headers }] }));
  const env = { CANARY_FLEET_FILE: file, EU: TOKEN, ORG: 'org-7', CANARY_SMOKE_SUITE: 'examples/suites/workspaces.ts' };
  const { code, out } = await smoke(['--json'], env);
  await tenant.stop();
  expect({ code, workspaces: tenant.workspaces() }).toEqual({ code: 0, workspaces: [] });
  expect(JSON.parse(out[0] ?? '').tenants[0].tenant).toBe('eu');
});
