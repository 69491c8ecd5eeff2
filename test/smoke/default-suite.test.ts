import { afterEach, describe, expect, test } from 'vitest';
import { defaultSuite } from '../../src/smoke/default-suite.js';
import { MISBEHAVIORS, type Misbehavior } from '../../testbed/misbehaviors.js';
import { startTenant, type Tenant } from '../../testbed/tenant.js';
import { newSha } from '../support/shas.js';
import { letters, smokeAt, TOKEN } from '../support/smoke.js';

let tenant: Tenant;
afterEach(async () => {
  await tenant.stop();
  expect(tenant.unforeseen).toEqual([]);
});

async function smoke(misbehave: Misbehavior[] = []) {
  tenant = await startTenant({ name: 'canary-1', token: TOKEN, build: { sha: newSha(), misbehave }, slowMs: 50 });
  return smokeAt(tenant.url, defaultSuite);
}

test('a healthy tenant passes all six checks, in order and with the documented requests', async () => {
  const checks = await smoke();
  expect(checks.map(({ check, verdict }) => [check, verdict])).toEqual([
    ['liveness returns a subsystems map', 'pass'],
    ['workspace list is JSON array', 'pass'],
    ['memory commit accepted', 'pass'],
    ['memory search finds the probe', 'pass'],
    ['events endpoint returns JSON', 'pass'],
    ["unauth'd /admin/liveness returns 401", 'pass'],
  ]);
  expect(tenant.requests.map(({ method, path, authorized }) => [`${method} ${path}`, authorized])).toEqual([
    ['GET /admin/liveness', true],
    ['GET /workspaces', true],
    ['POST /memories/commit', true],
    ['GET /memories/search', true],
    ['GET /events', true],
    ['GET /admin/liveness', false],
  ]);
});

/** Verdicts of the six checks for each misbehavior of a tenant: Pass, Fail, or ? for could-not-test. */
const VERDICTS: Record<Misbehavior, string> = {
  'memory-search': 'PPPFPP',
  'search-echo': 'PPPFPP',
  'html-500': 'FFFFFF',
  'empty-subsystems': 'FPPPPP',
  'echo-token': 'PPPPPP',
  'open-liveness': 'PPPPPF',
  'workspaces-object': 'PFPPPP',
  'events-html': 'PPPPFP',
  'commit-no-id': 'PPFPPP',
  hang: '??????',
  slow: 'PPPPPP',
  'reject-token': '?????P',
  'hang-commit': 'PP??PP',
  'reject-commit': 'PP??PP',
  'bad-gateway': '??????',
  'bad-edge': '??????',
  'admin-unavailable': '??????',
  unavailable: '??????',
  'no-build': 'PPPPPP',
  'wrong-build': 'PPPPPP',
};

describe('the verdicts of the default suite, for each misbehavior of a tenant', () => {
  test.each(Object.keys(MISBEHAVIORS) as Misbehavior[])(
    'a tenant with %s gets the verdicts of the table',
    async (misbehave) => {
      expect(letters(await smoke([misbehave]))).toBe(VERDICTS[misbehave]);
    },
  );
});

describe('the report of a failed check', () => {
  test.each<[Misbehavior, Record<string, unknown>]>([
    [
      'memory-search',
      { status: 200, expected: 'the body: Too small: expected array to have >=1 items', got: '[]', schemaPath: '$' },
    ],
    [
      'search-echo',
      { status: 404, expected: 'status 200', got: expect.stringContaining('status 404: <!doctype html>') },
    ],
    ['empty-subsystems', { expected: 'subsystems: is empty', got: '{"subsystems":{}}', schemaPath: '$.subsystems' }],
    [
      'open-liveness',
      { status: 200, expected: 'status 401', got: expect.stringContaining('status 200: {"subsystems"') },
    ],
    ['workspaces-object', { expected: 'the body: Invalid input: expected array, received object', schemaPath: '$' }],
    ['events-html', { expected: 'content type application/json', got: 'text/html' }],
    ['commit-no-id', { expected: 'id: Invalid input: expected string, received undefined', schemaPath: '$.id' }],
  ])(
    'a tenant with %s: the report has what was expected, what came, and where in the schema',
    async (misbehave, failure) => {
      expect((await smoke([misbehave])).filter(({ verdict }) => verdict === 'fail')).toMatchObject([failure]);
    },
  );
});

test('a refused admin token is could-not-test, not a fail', async () => {
  const [first] = await smoke(['reject-token']);
  expect(first).toMatchObject({ verdict: 'could-not-test', status: 401, got: expect.stringMatching(/^token refused/) });
});

test('the search does not run if the probe could not be written', async () => {
  const checks = await smoke(['bad-gateway']);
  expect(checks[3]).toMatchObject({
    check: 'memory search finds the probe',
    status: null,
    expected: '"memory commit accepted" to be tested first',
  });
  expect(tenant.requests.map(({ path }) => path)).not.toContain('/memories/search');
});

test('a tenant that refuses connections is could-not-test on every check', async () => {
  tenant = await startTenant({ name: 'canary-1', token: TOKEN });
  const origin = tenant.url;
  await tenant.stop();
  const checks = await smokeAt(origin, defaultSuite);
  expect(letters(checks)).toBe('??????');
  expect(checks[0]?.got).toBe('ECONNREFUSED');
});
