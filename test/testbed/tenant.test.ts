import { afterEach, describe, expect, it, vi } from 'vitest';
import { pushBuild } from '../../testbed/images.js';
import type { Misbehavior } from '../../testbed/misbehaviors.js';
import { startRegistry } from '../../testbed/registry-server.js';
import { startTenant, type Tenant } from '../../testbed/tenant.js';

const PATIENT = { interval: 20, timeout: 10_000 };
const SHA = '4c1d56e0b7a94f2e8d6c3b5a19f07e2d4c8b6a31';

describe('a tenant of the test bed', () => {
  const started: Tenant[] = [];

  afterEach(async () => {
    await Promise.all(started.splice(0).map((tenant) => tenant.stop()));
  });

  async function tenantWith(...misbehave: Misbehavior[]): Promise<Tenant> {
    const tenant = await startTenant({ name: 'canary-1', token: 'secret', build: { sha: SHA, misbehave }, slowMs: 50 });
    started.push(tenant);
    return tenant;
  }

  async function ask(tenant: Tenant, path: string, init: RequestInit = {}, token = 'secret') {
    const headers = { authorization: `Bearer ${token}` };
    const response = await fetch(tenant.url + path, { headers, signal: AbortSignal.timeout(2_000), ...init });
    return { status: response.status, body: await response.text() };
  }

  function commit(tenant: Tenant) {
    const body = JSON.stringify({ scope: 'LOCAL', namespace: 'canary-smoke', content: 'probe-1' });
    return ask(tenant, '/memories/commit', { method: 'POST', body, headers: { authorization: 'Bearer secret' } });
  }

  it('says which build it runs, to anybody', async () => {
    const tenant = await tenantWith();
    expect(await ask(tenant, '/health', { headers: {} })).toEqual({
      status: 200,
      body: '{"status":"ok","sha":"4c1d56e"}',
    });
    expect(await ask(tenant, '/buildinfo', { headers: {} })).toEqual({ status: 200, body: `{"git_sha":"${SHA}"}` });
  });

  it('gives admin answers to its own token alone', async () => {
    const tenant = await tenantWith();
    for (const path of ['/admin/liveness', '/workspaces', '/events', '/memories/search?query=probe-1']) {
      expect(await ask(tenant, path)).toMatchObject({ status: 200 });
      expect(await ask(tenant, path, {}, 'wrong')).toMatchObject({ status: 401 });
      expect(await ask(tenant, path, { headers: {} })).toMatchObject({ status: 401 });
    }
  });

  it('finds the memory that was committed, until it restarts', async () => {
    const tenant = await tenantWith();
    expect((await commit(tenant)).status).toBe(201);
    expect((await ask(tenant, '/memories/search?query=probe-1')).body).toContain('"content":"probe-1"');
    expect((await ask(tenant, '/memories/search?query=probe-2')).body).toBe('[]');
    await tenant.crash();
    await expect(ask(tenant, '/health')).rejects.toThrow('fetch failed');
    await tenant.recover();
    expect((await ask(tenant, '/memories/search?query=probe-1')).body).toBe('[]');
  });

  it('logs every request, and notes those that no tenant knows', async () => {
    const tenant = await tenantWith();
    await ask(tenant, '/health', { headers: {} });
    await ask(tenant, '/memories/all');
    await ask(tenant, '/events', { headers: { origin: 'http://elsewhere' } });
    expect(tenant.requests.map(({ method, path, authorized }) => ({ method, path, authorized }))).toEqual([
      { method: 'GET', path: '/health', authorized: false },
      { method: 'GET', path: '/memories/all', authorized: true },
      { method: 'GET', path: '/events', authorized: false },
    ]);
    expect(tenant.unforeseen).toEqual(['GET /memories/all', 'GET /events with Origin or Referer']);
  });

  it.each<[Misbehavior, string, number, string]>([
    ['memory-search', '/memories/search?query=probe-1', 200, '[]'],
    ['search-echo', '/memories/search?query=probe-1', 404, 'no page for probe-1'],
    ['html-500', '/admin/liveness', 500, '"subsystems"'],
    ['empty-subsystems', '/admin/liveness', 200, '{"subsystems":{}}'],
    ['echo-token', '/admin/liveness', 200, '"token":"secret"'],
    ['workspaces-object', '/workspaces', 200, '{"workspaces":[]}'],
    ['events-html', '/events', 200, '<html>'],
    ['slow', '/events', 200, '[{'],
    ['reject-token', '/events', 401, 'token'],
    ['bad-gateway', '/events', 502, '<html>'],
    ['admin-unavailable', '/events', 503, 'starting'],
    ['admin-unavailable', '/health', 200, '4c1d56e'],
    ['unavailable', '/health', 503, 'starting'],
    ['no-build', '/buildinfo', 200, '{"git_sha":"dev"}'],
    ['no-build', '/health', 200, '{"status":"ok"}'],
    ['wrong-build', '/buildinfo', 200, '13a6b8c4'],
  ])('%s shows on %s', async (misbehavior, path, status, text) => {
    const answer = await ask(await tenantWith(misbehavior), path);
    expect(answer).toEqual({ status, body: expect.stringContaining(text) });
  });

  it('open-liveness, commit-no-id and hang do what they say', async () => {
    const tenant = await tenantWith('open-liveness', 'commit-no-id');
    expect((await ask(tenant, '/admin/liveness', { headers: {} })).status).toBe(200);
    expect(await commit(tenant)).toEqual({ status: 201, body: '{"scope":"LOCAL","namespace":"canary-smoke"}' });
    tenant.run({ sha: SHA, misbehave: 'hang' });
    const signal = AbortSignal.timeout(100);
    await expect(ask(tenant, '/events', { signal })).rejects.toThrow('timeout');
    expect((await ask(tenant, '/health')).status).toBe(200);
    const unanswered = ask(tenant, '/events');
    unanswered.catch(() => undefined);
    await vi.waitFor(() => expect(tenant.requests.filter(({ path }) => path === '/events')).toHaveLength(2));
    tenant.run({ sha: SHA });
    await expect(unanswered).rejects.toThrow();
  });

  it('refuses a misbehavior that no one knows', async () => {
    const tenant = await tenantWith();
    expect(() => tenant.run({ sha: SHA, misbehave: 'memory-serch' })).toThrow('unknown misbehavior "memory-serch"');
  });

  it('follows its tag: refuses connections while it restarts, comes back on the same port with the new build', async () => {
    const registry = await startRegistry();
    try {
      const at = { registry: registry.host, repository: 'molecule-ai/platform-tenant', tag: 'canary' };
      const tenant = await startTenant({
        name: 'canary-1',
        token: 'secret',
        pull: { ...at, cycleMs: 20, restartMs: 500 },
      });
      started.push(tenant);
      expect((await ask(tenant, '/buildinfo')).body).toBe('{"git_sha":"dev"}');
      await pushBuild({ ...at, sha: SHA, misbehave: 'memory-search' });
      await expect
        .poll(() => ask(tenant, '/health').catch((error: Error) => error.message), PATIENT)
        .toBe('fetch failed');
      await expect
        .poll(() => ask(tenant, '/buildinfo').catch(() => null), PATIENT)
        .toMatchObject({ body: `{"git_sha":"${SHA}"}` });
      await commit(tenant);
      expect((await ask(tenant, '/memories/search?query=probe-1')).body).toBe('[]');
      // One that pretends says the next build, and still finds no memory, as its own build does.
      tenant.pretend(true);
      const next = SHA.replace('4c1d56e', '5d2e67f');
      await pushBuild({ ...at, sha: next });
      await expect
        .poll(() => ask(tenant, '/buildinfo').catch(() => null), PATIENT)
        .toMatchObject({ body: `{"git_sha":"${next}"}` });
      expect([tenant.says(), tenant.sha()]).toEqual([next, SHA]);
      await commit(tenant);
      expect((await ask(tenant, '/memories/search?query=probe-1')).body).toBe('[]');
      tenant.pretend(false);
      expect([tenant.says(), tenant.sha()]).toEqual([next, next]);
      await commit(tenant);
      expect((await ask(tenant, '/memories/search?query=probe-1')).body).toContain('probe-1');
    } finally {
      await registry.stop();
    }
  });
});
