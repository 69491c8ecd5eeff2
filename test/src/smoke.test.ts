import { afterEach, describe, expect, test } from 'vitest';
import { defaultSuite } from '../../src/smoke/default-suite.js';
import { smokeTenant } from '../../src/smoke/smoke-tenant.js';
import { askBuilds } from '../../src/tenants/ask-build.js';
import { parseBuildProbe } from '../../src/tenants/build.js';
import type { Misbehaviour } from '../../testbed/misbehaviours.js';
import { startTenant, type Tenant } from '../../testbed/tenant.js';
import { newSha } from '../support/shas.js';

const TOKEN = 'the-admin-token';
let tenant: Tenant;
afterEach(async () => {
  await tenant.stop();
  expect(tenant.unforeseen).toEqual([]);
});

async function smoke(misbehave: Misbehaviour[] = []) {
  tenant = await startTenant({ name: 'canary-1', token: TOKEN, build: { sha: newSha(), misbehave } });
  const { checks } = await smokeTenant({ name: 'canary-1', origin: tenant.url }, TOKEN, defaultSuite);
  return checks;
}

test('a healthy tenant passes all six checks, in the order people know', async () => {
  const checks = await smoke();
  expect(checks.map(({ check, verdict }) => [check, verdict])).toEqual([
    ['liveness returns a subsystems map', 'pass'],
    ['workspace list is JSON array', 'pass'],
    ['memory commit accepted', 'pass'],
    ['memory search finds the probe', 'pass'],
    ['events endpoint returns JSON', 'pass'],
    ["unauth'd /admin/liveness returns 401", 'pass'],
  ]);
});

describe('a tenant that is wrong in one way fails the check that guards it', () => {
  test.each<[Misbehaviour, string, string]>([
    ['memory-search', 'memory search finds the probe', 'the body'],
    ['search-echo', 'memory search finds the probe', 'status 200'],
    ['empty-subsystems', 'liveness returns a subsystems map', 'subsystems: is empty'],
    ['open-liveness', "unauth'd /admin/liveness returns 401", 'status 401'],
    ['workspaces-object', 'workspace list is JSON array', 'expected array'],
    ['events-html', 'events endpoint returns JSON', 'content type application/json'],
    ['commit-no-id', 'memory commit accepted', 'id'],
  ])('%s', async (misbehave, check, expected) => {
    const failed = (await smoke([misbehave])).filter(({ verdict }) => verdict === 'fail');
    expect(failed).toMatchObject([{ check, expected: expect.stringContaining(expected) }]);
  });

  test('html-500 fails every check that wants an answer', async () => {
    const failed = (await smoke(['html-500'])).filter(({ verdict }) => verdict === 'fail');
    expect(failed).toHaveLength(6);
  });
});

describe('what says nothing about the build is no verdict', () => {
  test.each<[Misbehaviour, string]>([
    ['reject-token', 'token refused'],
    ['bad-gateway', ''],
  ])('%s', async (misbehave, got) => {
    const checks = (await smoke([misbehave])).filter(({ verdict }) => verdict === 'could-not-test');
    expect(checks.length).toBeGreaterThanOrEqual(5);
    expect(checks[0]?.got).toContain(got);
  });

  test('a tenant that is away', async () => {
    tenant = await startTenant({ name: 'canary-1', token: TOKEN });
    const origin = tenant.url;
    await tenant.stop();
    const { checks } = await smokeTenant({ name: 'canary-1', origin }, TOKEN, defaultSuite);
    expect(checks.map(({ verdict, got }) => [verdict, got])).toEqual(
      checks.map(() => ['could-not-test', 'ECONNREFUSED']),
    );
  });
});

test('no result carries the token', async () => {
  expect(JSON.stringify(await smoke(['html-500']))).not.toContain(TOKEN);
});

describe('which build a tenant runs', () => {
  const probe = parseBuildProbe('/health#sha,/buildinfo#git_sha');
  test('is asked in the order of the probe', async () => {
    const sha = newSha();
    tenant = await startTenant({ name: 'canary-1', token: TOKEN, build: { sha } });
    const ask = (sources: typeof probe) => askBuilds([{ name: 'canary-1', origin: tenant.url }], sources);
    expect(await ask(probe)).toEqual([{ tenant: 'canary-1', build: sha.slice(0, 7) }]);
    expect(await ask(probe.slice(1))).toEqual([{ tenant: 'canary-1', build: sha }]);
  });
  test('dev, and no word at all, are not reported', async () => {
    tenant = await startTenant({ name: 'canary-1', token: TOKEN, build: { sha: newSha(), misbehave: 'no-build' } });
    expect(await askBuilds([{ name: 'canary-1', origin: tenant.url }], probe)).toEqual([
      { tenant: 'canary-1', build: null, why: '/health: no sha, /buildinfo: no build in git_sha' },
    ]);
  });
});
