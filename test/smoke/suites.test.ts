import { afterEach, describe, expect, test } from 'vitest';
import {
  answers,
  type Check,
  check,
  defaultSuite,
  del,
  get,
  post,
  type Suite,
  step,
  z,
} from '../../src/smoke/index.js';
import { loadSuite } from '../../src/smoke/load-suite.js';
import { smokeFleet, smokeTenant } from '../../src/smoke/smoke-tenant.js';
import { startOddTenant } from '../../testbed/odd-tenant.js';
import { startTenant } from '../../testbed/tenant.js';
import { startWorkspaceTenant, type WORKSPACE_FAULTS } from '../../testbed/workspace-tenant.js';
import { newSha } from '../support/shas.js';
import { letters, SHORT, smokeAt, TOKEN } from '../support/smoke.js';

const ORG = 'org-secret-42';
const headers = { 'X-Molecule-Org-Id': ORG };
const stops: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const stop of stops.splice(0)) await stop();
});

async function workspaceTenant(fault?: keyof typeof WORKSPACE_FAULTS) {
  const tenant = await startWorkspaceTenant({ token: TOKEN, org: ORG, ...(fault && { fault }) });
  stops.push(tenant.stop);
  return tenant;
}

describe('examples/suites/workspaces.ts', () => {
  const suite = () => loadSuite('examples/suites/workspaces.ts');

  test('a tenant that stores memories per workspace passes, and nothing is left behind', async () => {
    const tenant = await workspaceTenant();
    expect(letters(await smokeAt(tenant.url, await suite(), { headers }))).toBe('PPPPPP');
    expect(tenant.workspaces()).toEqual([]);
    expect(tenant.unforeseen).toEqual([]);
    expect(tenant.requests.slice(-2)).toEqual([
      'DELETE /workspaces/ws%2F1/memories/mem-2',
      'DELETE /workspaces/ws%2F1',
    ]);
  });

  test('a tenant of another organization, which answers every request with an empty 404, fails', async () => {
    const tenant = await workspaceTenant();
    const checks = await smokeAt(tenant.url, await suite(), { headers: { 'X-Molecule-Org-Id': 'another' } });
    // The search does not run: no workspace was created.
    expect(letters(checks)).toBe('FFF?FF');
    expect(checks[5]).toMatchObject({ expected: 'status 401', got: 'status 404' });
  });

  test.each<[keyof typeof WORKSPACE_FAULTS, string, string]>([
    ['search-none', 'PPPFPP', 'the body: Too small: expected array to have >=1 items'],
    ['search-all', 'PPPFPP', 'the body: Too big: expected array to have <=1 items'],
    ['memory-500', 'PPFFPP', 'POST /workspaces/{workspace}/memories: status 201'],
    ['dot-id', 'PPF?PP', 'POST /workspaces: id: a string or number to capture as workspace'],
  ])('%s: the fault fails its check', async (fault, verdicts, expected) => {
    const tenant = await workspaceTenant(fault);
    const checks = await smokeAt(tenant.url, await suite(), { headers });
    expect(letters(checks)).toBe(verdicts);
    expect(checks.find(({ verdict }) => verdict === 'fail')).toMatchObject({ expected });
  });

  test('clean-up runs after a failed check', async () => {
    const tenant = await workspaceTenant('memory-500');
    await smokeAt(tenant.url, await suite(), { headers });
    expect(tenant.requests).toContain('DELETE /workspaces/ws%2F1');
    expect(tenant.workspaces()).toEqual([]);
  });

  test('a failed clean-up is reported, and is not a verdict', async () => {
    const tenant = await workspaceTenant('keeps-workspaces');
    const checks = await smokeAt(tenant.url, await suite(), { headers });
    expect(letters(checks)).toBe('PPPPPP');
    expect(checks[2]?.leftBehind).toBe('DELETE /workspaces/{workspace}: status 500');
  });

  test('clean-up runs on every tenant after an abort', async () => {
    const [first, second] = [await workspaceTenant(), await workspaceTenant()];
    const hung = await startTenant({ name: 'hung', token: TOKEN, build: { sha: newSha(), misbehave: 'hang' } });
    stops.push(hung.stop);
    const abort = new AbortController();
    let reached = 0;
    // The abort comes when both tenants have reached this check, and so have a workspace each.
    const aborts = check('aborts', 'nothing', get('/events'), {
      status: 200,
      json: () => {
        reached += 1;
        if (reached === 2) abort.abort(new Error('stop it'));
        return z.unknown();
      },
    });
    const fleet = [hung, first, second].map(({ url }, index) => ({
      name: `canary-${index}`,
      origin: url,
      access: { token: TOKEN, headers },
    }));
    const createsWorkspace = (await suite()).slice(2, 3);
    const waits = { ...SHORT, requestMs: 10_000, suiteMs: 20_000 };
    const run = smokeFleet(fleet, { suite: [...createsWorkspace, aborts], waits, signal: abort.signal });
    await expect(run).rejects.toThrow('stop it');
    expect([first, second].map(({ requests }) => requests[0])).toEqual(['POST /workspaces', 'POST /workspaces']);
    expect([...first.workspaces(), ...second.workspaces()]).toEqual([]);
  });
});

test('examples/suites/one-more.ts adds one check to the default suite', async () => {
  const tenant = await startTenant({ name: 'canary-1', token: TOKEN, build: { sha: newSha() } });
  stops.push(tenant.stop);
  const checks = await smokeAt(tenant.url, await loadSuite('examples/suites/one-more.ts'));
  expect(letters(checks)).toBe('PPPPPPP');
  expect(checks.slice(0, 6).map((one) => one.check)).toEqual(defaultSuite.map(({ name }) => name));
});

describe('a request of a step', () => {
  const anyAnswer = answers(500);

  async function sent(checks: Suite) {
    const tenant = await startOddTenant('all that it was sent');
    stops.push(tenant.stop);
    await smokeAt(tenant.url, checks, { headers: { 'X-Org': 'o' } });
    return tenant.requests;
  }

  test.each<[Check['steps'][number]['request']['as'], RegExp | undefined]>([
    ['admin', new RegExp(`^Bearer ${TOKEN}$`)],
    ['none', undefined],
    ['wrong', /^Bearer wrong/],
  ])('credentials %j are sent', async (as, authorization) => {
    const [request] = await sent([check('x', 'y', get('/z', as), anyAnswer)]);
    if (authorization) expect(request?.headers.authorization).toMatch(authorization);
    else expect(Object.keys(request?.headers ?? {})).not.toContain('authorization');
    expect(request?.headers).toMatchObject({ 'x-org': 'o' });
    expect(Object.keys(request?.headers ?? {}).filter((name) => /^(origin|referer|cookie)$/.test(name))).toEqual([]);
  });

  test('a captured token is sent, and redacted from then on', async () => {
    const tenant = await workspaceTenant();
    const login: Check = {
      name: 'login',
      proves: 'a token is given',
      steps: [
        step(post('/workspaces', { name: 'a', external: true }), answers(201), { session: 'id' }),
        step(get('/events', { captured: 'session' }), answers(200)),
      ],
      writes: true,
    };
    const [result] = await smokeAt(tenant.url, [login], { headers });
    // A tenant that refuses a token of its own is a defect of the build.
    expect(result).toMatchObject({ verdict: 'fail', status: 401 });
    expect(JSON.stringify(result)).not.toContain('ws/1');
  });

  test('each check has a new probe, a dashed UUID, except one that needs another check', async () => {
    const paths = (
      await sent([
        check('a', 'y', post('/{probe}', { deep: [{ text: 'p-{probe}' }] }), anyAnswer),
        check('b', 'y', get('/{probe}'), anyAnswer, { needs: 'a' }),
        check('c', 'y', get('/{probe}'), anyAnswer),
      ])
    ).map(({ path }) => path);
    expect(paths[0]).toMatch(/^\/[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    expect(paths[1]).toBe(paths[0]);
    expect(paths[2]).not.toBe(paths[0]);
  });

  test.each(['//elsewhere.example/x', '/\\elsewhere.example', 'https://elsewhere.example/'])(
    'a path to another origin is not sent: %s',
    async (path) => {
      const tenant = await startOddTenant('good');
      stops.push(tenant.stop);
      const [result] = await smokeAt(tenant.url, [check('x', 'y', get(path), answers(200))]);
      expect(result).toMatchObject({ verdict: 'could-not-test', got: 'the path leads to another origin' });
      expect(tenant.requests).toEqual([]);
    },
  );
});

test('a write without an answer is retried with a new probe, because the first may have been written', async () => {
  const tenant = await startOddTenant('a reset, then good');
  stops.push(tenant.stop);
  const suite = [
    check('a', 'y', post('/{probe}', {}), answers(200), { writes: true, cleanUp: [del('/gone/{probe}')] }),
    check('b', 'y', get('/{probe}'), answers(200), { needs: 'a' }),
  ];
  expect(letters(await smokeAt(tenant.url, suite, { waits: { retryBudgetMs: 1_000 } }))).toBe('PP');
  const [first = '', second = '', third = '', ...deleted] = tenant.requests.map(({ path }) => path);
  expect(second).not.toBe(first);
  expect(third).toBe(second);
  expect(deleted).toEqual([`/gone${first}`, `/gone${second}`]);
});

test('a check whose code throws is could-not-test', async () => {
  const tenant = await startOddTenant('good');
  stops.push(tenant.stop);
  const json = () => {
    throw new TypeError('x is not a function');
  };
  const [result] = await smokeAt(tenant.url, [check('x', 'y', get('/'), { status: 200, json })]);
  expect(result).toMatchObject({ verdict: 'could-not-test', got: 'TypeError: x is not a function' });
});

test('a schema path contains no key of the answer', async () => {
  const tenant = await startOddTenant('good');
  stops.push(tenant.stop);
  const json = z.object({ a: z.object({ b: z.array(z.string()) }).default({ b: [] }) }).catchall(z.string());
  const [result] = await smokeAt(tenant.url, [check('x', 'y', get('/'), answers(200, json))]);
  expect(result).toMatchObject({ verdict: 'fail', expected: expect.stringContaining('ok:'), schemaPath: '$.*' });
});

test('the checks after the limit of the suite are could-not-test, with that reason', async () => {
  const tenant = await startOddTenant('slow bytes');
  stops.push(tenant.stop);
  const suite = ['a', 'b', 'c'].map((name) => check(name, 'y', get(`/${name}`), answers(200)));
  const options = { suite, waits: { ...SHORT, suiteMs: 1_050 } };
  const began = Date.now();
  const { checks } = await smokeTenant({ name: 'canary-1', origin: tenant.url }, { token: TOKEN, headers }, options);
  expect(Date.now() - began).toBeLessThan(2_000);
  expect(checks.map(({ got }) => got)).toEqual([
    'timeout',
    'the suite reached its limit of 1050ms',
    'the suite reached its limit of 1050ms',
  ]);
  expect(tenant.requests).toHaveLength(2);
});
