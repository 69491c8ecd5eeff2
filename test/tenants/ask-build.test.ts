import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import type { PlannedTenant } from '../../src/contract/release.js';
import { askBuilds } from '../../src/tenants/ask-build.js';
import { parseBuildProbe } from '../../src/tenants/build-probe.js';
import { startEchoTenant } from '../../testbed/echo-tenant.js';
import type { Misbehavior } from '../../testbed/misbehaviors.js';
import { startTenant } from '../../testbed/tenant.js';
import { startWorkspaceTenant } from '../../testbed/workspace-tenant.js';
import { newSha } from '../support/shas.js';

const probe = parseBuildProbe('/health#sha,/buildinfo#git_sha');
const stops: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const stop of stops.splice(0)) await stop();
});

async function tenantOn(sha: string, misbehave: Misbehavior[] = []) {
  const tenant = await startTenant({ name: 'canary-1', token: 'token', build: { sha, misbehave } });
  stops.push(tenant.stop);
  return { planned: { name: 'canary-1', origin: tenant.url } satisfies PlannedTenant, requests: tenant.requests };
}

const none = new Map();

describe('askBuilds', () => {
  test('the fields of the probe are read in order, and no token is sent', async () => {
    const sha = newSha();
    const { planned, requests } = await tenantOn(sha);
    expect(await askBuilds([planned], probe, none)).toEqual([{ tenant: 'canary-1', build: sha.slice(0, 7) }]);
    expect(await askBuilds([planned], probe.slice(1), none)).toEqual([{ tenant: 'canary-1', build: sha }]);
    expect(requests.map(({ path, authorized }) => [path, authorized])).toEqual([
      ['/health', false],
      ['/buildinfo', false],
    ]);
  });

  test('dev and a missing field are not builds', async () => {
    const { planned } = await tenantOn(newSha(), ['no-build']);
    expect(await askBuilds([planned], probe, none)).toEqual([
      { tenant: 'canary-1', build: null, why: '/health: no sha, /buildinfo: no build in git_sha' },
    ]);
  });

  test('a tenant may have its own probe, or none', async () => {
    const sha = newSha();
    const { planned, requests } = await tenantOn(sha);
    const own = { ...planned, buildProbe: parseBuildProbe('/buildinfo#git_sha') };
    expect(await askBuilds([own], [], none)).toEqual([{ tenant: 'canary-1', build: sha }]);
    requests.length = 0;
    expect(await askBuilds([{ ...planned, buildProbe: [] }], probe, none)).toEqual([
      { tenant: 'canary-1', build: null, why: 'build not confirmed: no build probe configured' },
    ]);
    expect(requests).toEqual([]);
  });

  test.each([
    [408, true],
    [429, true],
    [500, true],
    [503, true],
    [521, true],
    [530, true],
    [401, undefined],
    [404, undefined],
  ])('status %s is silence: %s', async (status, silent) => {
    const server = createServer((_request, response) => response.writeHead(status).end());
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    stops.push(() => new Promise((resolve) => void server.close(() => resolve())));
    const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const [answer] = await askBuilds([{ name: 'canary-1', origin }], probe.slice(0, 1), none);
    expect(answer).toEqual({
      tenant: 'canary-1',
      build: null,
      why: `/health: status ${status}`,
      ...(silent && { silent }),
    });
  });

  test('the headers of the tenant are sent', async () => {
    const sha = newSha();
    const tenant = await startWorkspaceTenant({ token: 'token', org: 'org-1', sha });
    stops.push(tenant.stop);
    const planned = { name: 'canary-1', origin: tenant.url };
    const access = new Map([[tenant.url, { headers: { 'X-Molecule-Org-Id': 'org-1' } }]]);
    expect(await askBuilds([planned], probe.slice(1), access)).toEqual([{ tenant: 'canary-1', build: sha }]);
    expect(await askBuilds([planned], probe.slice(1), none)).toEqual([
      { tenant: 'canary-1', build: null, why: '/buildinfo: status 404' },
    ]);
  });

  test('a header that the tenant repeats is not a build', async () => {
    const tenant = await startEchoTenant('token');
    stops.push(tenant.stop);
    const access = new Map([[tenant.url, { headers: { 'X-Molecule-Org-Id': '5eed0f5eed0f' } }]]);
    const [answer] = await askBuilds([{ name: 'canary-1', origin: tenant.url }], probe.slice(0, 1), access);
    expect(answer).toEqual({ tenant: 'canary-1', build: null, why: '/health: sha repeats a header' });
  });

  test('all tenants are asked in parallel, and one that is down is a result', async () => {
    const sha = newSha();
    const [a, b] = [await tenantOn(sha), await tenantOn(sha)];
    await stops[0]?.();
    const builds = await askBuilds([a.planned, { ...b.planned, name: 'canary-2' }], probe, none);
    expect(builds).toEqual([
      { tenant: 'canary-1', build: null, why: '/health: ECONNREFUSED, /buildinfo: ECONNREFUSED', silent: true },
      { tenant: 'canary-2', build: sha.slice(0, 7) },
    ]);
  });
});
