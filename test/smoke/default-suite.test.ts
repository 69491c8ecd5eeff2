import { afterEach, describe, expect, test } from 'vitest';
import { defaultSuite } from '../../src/smoke/default-suite.js';
import { MISBEHAVIOURS, type Misbehaviour } from '../../testbed/misbehaviours.js';
import { startTenant, type Tenant } from '../../testbed/tenant.js';
import { newSha } from '../support/shas.js';
import { letters, smokeAt, TOKEN } from '../support/smoke.js';

let tenant: Tenant;
afterEach(async () => {
  await tenant.stop();
  expect(tenant.unforeseen).toEqual([]);
});

async function smoke(misbehave: Misbehaviour[] = []) {
  tenant = await startTenant({ name: 'canary-1', token: TOKEN, build: { sha: newSha(), misbehave }, slowMs: 50 });
  return smokeAt(tenant.url, defaultSuite);
}

test('a healthy tenant passes all six checks, in the order and with the requests that people know', async () => {
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

/** What each of the six checks says to each way a tenant can be wrong: Pass, Fail, or ? for could-not-test. */
const VERDICTS: Record<Misbehaviour, string> = {
  'memory-search': 'PPPFPP',
  'search-echo': 'PPPFPP',
  'html-500': 'FFFFFF',
  'empty-subsystems': 'FPPPPP',
  'open-liveness': 'PPPPPF',
  'workspaces-object': 'PFPPPP',
  'events-html': 'PPPPFP',
  'commit-no-id': 'PPFPPP',
  hang: '??????',
  slow: 'PPPPPP',
  'reject-token': '?????P',
  'bad-gateway': '??????',
  'no-build': 'PPPPPP',
  'wrong-build': 'PPPPPP',
};

describe('each check against each way in which a tenant can be wrong', () => {
  test.each(Object.keys(MISBEHAVIOURS) as Misbehaviour[])('%s', async (misbehave) => {
    expect(letters(await smoke([misbehave]))).toBe(VERDICTS[misbehave]);
  });
});

describe('a failed check says what was expected, what came, and where in the schema', () => {
  test.each<[Misbehaviour, Record<string, unknown>]>([
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
  ])('%s', async (misbehave, told) => {
    expect((await smoke([misbehave])).filter(({ verdict }) => verdict === 'fail')).toMatchObject([told]);
  });
});

test('our own token refused is no verdict on the build', async () => {
  const [first] = await smoke(['reject-token']);
  expect(first).toMatchObject({ verdict: 'could-not-test', status: 401, got: expect.stringMatching(/^token refused/) });
});

test('a probe that could not be written is not looked for: it is not the build that fails', async () => {
  const checks = await smoke(['bad-gateway']);
  expect(checks[3]).toMatchObject({
    check: 'memory search finds the probe',
    status: null,
    expected: '"memory commit accepted" to be tested first',
  });
  expect(tenant.requests.map(({ path }) => path)).not.toContain('/memories/search');
});

test('a tenant that is away', async () => {
  tenant = await startTenant({ name: 'canary-1', token: TOKEN });
  const origin = tenant.url;
  await tenant.stop();
  const checks = await smokeAt(origin, defaultSuite);
  expect(letters(checks)).toBe('??????');
  expect(checks[0]?.got).toBe('ECONNREFUSED');
});
