import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { taskQueue } from '../../src/contract/ids.js';
import { parseAddTenantInput } from '../../src/domain/inputs.js';
import { awaitAddition, startAddition } from '../../src/temporal/records/additions.js';
import { startControlPlane } from '../../testbed/control-plane.js';
import { startTenant, type Tenant } from '../../testbed/tenant.js';
import { canary as run } from '../support/cli.js';
import { keepRuns } from '../support/evidence.js';
import { useGate } from '../support/gate.js';
import { type Evidence, findSecret } from '../support/leaks.js';
import { fullTest } from '../support/rows.js';
import { newSha } from '../support/shas.js';
import { until } from '../support/until.js';

const folder = mkdtempSync(join(tmpdir(), 'canary-add-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const file = join(folder, 'fleet.json');
writeFileSync(file, JSON.stringify({ tenants: [{ url: 'https://first.example', token: { env: 'FIRST' } }] }));
const names = () => JSON.parse(readFileSync(file, 'utf8')).tenants.map(({ name }: { name?: string }) => name);

const ADMIN = 'hush-admin-of-the-control-plane';
const tokenOf = (slug: string) => `hush-admin-of-${slug}`;
const tenants: Tenant[] = [];
const sha = newSha();
/** What the next tenant does wrong. */
let misbehave = '';
const server = await startControlPlane({
  adminToken: ADMIN,
  async instance(slug) {
    const tenant = await startTenant({ name: slug, token: tokenOf(slug), build: { sha, misbehave } });
    tenants.push(tenant);
    return { url: tenant.url, token: tokenOf(slug) };
  },
});
afterAll(async () => {
  await server.stop();
  for (const tenant of tenants) await tenant.stop();
});

const gate = useGate('add-tenant', () => ({
  tenants: 0,
  env: {
    CANARY_TENANT_URLS: '',
    CANARY_ADMIN_TOKENS: '',
    CANARY_FLEET_FILE: file,
    FIRST: 'hush-first',
    CANARY_CP_BASE_URL: server.url,
    CANARY_CP_ADMIN_TOKEN: ADMIN,
  },
}));
const add = async (slug: string, more: object = {}) => {
  const input = parseAddTenantInput({ slug, requestedBy: 'ada', ...more });
  const { handle } = await startAddition(gate().client, gate().lane, input);
  const firstExecutionRunId = (await handle.describe()).runId;
  return gate().keep(Object.assign(handle, { firstExecutionRunId }));
};
const end = async (slug: string, more?: object) => awaitAddition(await add(slug, more));
describe('AddCanaryTenant', () => {
  test('makes an org a tested member of the fleet file, in order, and keeps the file before', async () => {
    expect(await end('canary-2')).toMatchObject({ outcome: 'added', build: sha.slice(0, 7), next: null });
    expect(names()).toEqual(['canary-1', 'canary-2']);
    const [, entry] = JSON.parse(readFileSync(file, 'utf8')).tenants;
    const { id, url } = server.orgs.get('canary-2') ?? {};
    expect(entry).toEqual({
      name: 'canary-2',
      url,
      token: { file: 'canary-2.token' },
      headers: { 'X-Molecule-Org-Id': id },
    });
    expect(JSON.parse(readFileSync(`${file}.old`, 'utf8')).tenants).toHaveLength(1);
    const token = join(folder, 'canary-2.token');
    expect(readFileSync(token, 'utf8').trim()).toBe(tokenOf('canary-2'));
    expect(statSync(token).mode & 0o777).toBe(0o600);
    const routes = server.requests.map(({ route }) => route).filter((route) => route !== 'GET /cp/admin/orgs');
    expect(routes).toEqual([
      'POST /cp/orgs',
      'POST /cp/admin/orgs/:slug/canary',
      'POST /cp/orgs/:slug/provision',
      'GET /cp/admin/orgs/:slug/admin-token',
    ]);
  });

  test('changes nothing for a tenant that is a member', async () => {
    const before = readFileSync(file, 'utf8');
    const calls = server.calls('POST /cp/orgs');
    expect(await end('canary-2')).toMatchObject({ outcome: 'added' });
    expect(readFileSync(file, 'utf8')).toBe(before);
    expect(server.calls('POST /cp/orgs')).toBe(calls);
  });

  fullTest('goes on where the answer of every call was lost, and makes nothing twice', async () => {
    const routes = ['POST /cp/orgs', 'POST /cp/admin/orgs/:slug/canary', 'POST /cp/orgs/:slug/provision'];
    for (const route of routes) server.answerNext(route, 'cut');
    const calls = routes.map((route) => server.calls(route));
    expect(await end('canary-3')).toMatchObject({ outcome: 'added' });
    expect(routes.map((route, index) => server.calls(route) - (calls[index] ?? 0))).toEqual([1, 1, 1]);
    expect(names()).toEqual(['canary-1', 'canary-2', 'canary-3']);
  });

  test('stops at a red tenant, which becomes no member, and goes on once it is green', async () => {
    misbehave = 'memory-search';
    const red = await end('canary-4');
    misbehave = '';
    expect(red).toMatchObject({ outcome: 'red', next: 'canary tenants add canary-4' });
    expect(red.why).toMatch(
      /^canary-4 was not added: canary-4: memory search .* \(stopped in checking: red; go on with /,
    );
    expect(names()).not.toContain('canary-4');
    tenants.at(-1)?.run({ sha });
    expect(await end('canary-4')).toMatchObject({ outcome: 'added' });
  });

  test('stops with the reason of a failed instance, and makes a new one on --recreate', async () => {
    server.switches.failure = 'no capacity in eu-1';
    const failed = await end('canary-5');
    expect(failed).toMatchObject({ outcome: 'instance-failed', next: 'canary tenants add canary-5 --recreate' });
    expect(failed.why).toContain('its instance failed: no capacity in eu-1');
    const { id } = server.orgs.get('canary-5') ?? {};
    // It fails once more, so the org is deleted and made again.
    expect(await end('canary-5', { recreate: 'canary-5' })).toMatchObject({ outcome: 'added' });
    expect(server.calls('DELETE /cp/admin/tenants/:slug')).toBe(1);
    expect(server.orgs.get('canary-5')?.id).not.toBe(id);
  });

  test('deletes an instance of another account only as confirmed, and never one that may be a customer', async () => {
    for (const slug of ['canary-6', 'acme'])
      server.orgs.set(slug, { id: `org-${slug}`, slug, is_canary: false, instance_status: 'running' });
    expect(await end('canary-6')).toMatchObject({
      outcome: 'already-provisioned',
      next: 'canary tenants add canary-6 --recreate',
    });
    expect(server.orgs.has('canary-6')).toBe(true);
    const refused = await end('acme', { recreate: 'acme' });
    expect(refused).toMatchObject({ outcome: 'not-ours', next: 'canary tenants add <another-slug>' });
    expect(refused.why).toContain('acme is no canary, and may be a customer');
    expect(server.orgs.has('acme')).toBe(true);
    expect(await end('canary-6', { recreate: 'canary-6' })).toMatchObject({ outcome: 'added' });
    expect(server.orgs.get('canary-6')).toMatchObject({ is_canary: true });
  });

  test.each<[string, () => unknown, string, string]>([
    [
      'forgets the org',
      () => server.answerNext('POST /cp/orgs', { status: 201, body: {} }),
      'org-gone',
      'does not list it',
    ],
    [
      'refuses the admin token',
      () => server.answerNext('GET /cp/admin/orgs', { status: 403 }),
      'control-plane',
      'GET /cp/admin/orgs: status 403: it refuses CANARY_CP_ADMIN_TOKEN',
    ],
    [
      'answers another shape',
      () => server.answerNext('GET /cp/admin/orgs', { status: 200, body: { orgs: [{ id: 'a', slug: 'b' }] } }),
      'control-plane',
      'GET /cp/admin/orgs: status 200: orgs[0].instance_status is missing',
    ],
    [
      'does not know the call that provisions',
      () => server.answerNext('POST /cp/orgs/:slug/provision', { status: 404 }),
      'control-plane',
      'POST /cp/orgs/canary-7/provision: status 404',
    ],
  ])('stops with a name and a command if the control plane %s', async (_, fault, outcome, says) => {
    server.forget('canary-7');
    fault();
    const stopped = await end('canary-7');
    expect(stopped).toMatchObject({ outcome, next: 'canary tenants add canary-7' });
    expect(stopped.why).toContain(says);
  });

  test('is started, followed and shown by canary tenants add, which asks before it deletes', async () => {
    const env = { CANARY_LANE: 'add-tenant', GITHUB_ACTOR: 'ada' };
    const unconfirmed = await run(['tenants', 'add', 'canary-7', '--recreate'], env, 'yes');
    expect(unconfirmed.code).toBe(2);
    expect(unconfirmed.err.join()).toContain('confirm it with --confirm canary-7');
    const { code, out, err } = await run(['tenants', 'add', 'canary-7'], env);
    expect({ code, out }).toEqual({
      code: 0,
      out: ['added: canary-7 is a member of the canary fleet: the next release tests on it'],
    });
    expect(err[0]).toBe('add-tenant-add-tenant:canary-7 is started');
    const invalid = await run(['tenants', 'add', 'Canary_7'], env);
    expect(invalid.err.join()).toContain('invalid slug "Canary_7"');
  });

  test('is shown by canary status while it goes on', async () => {
    server.switches.provisionMs = 3_000;
    const adding = add('canary-8');
    const shown = await until('status shows it', async () => {
      const { out } = await run(['status'], { CANARY_LANE: 'add-tenant' });
      return out.find((line) => line.startsWith('ADDING'));
    });
    server.switches.provisionMs = 20;
    expect(shown).toMatch(/^ADDING {3}canary-8: (?:creating|marking|provisioning), /);
    expect(await awaitAddition(await adding)).toMatchObject({ outcome: 'added' });
  });

  test('left no token in what Temporal stores of any of these runs', async () => {
    const evidence: Evidence = new Map();
    await keepRuns(evidence, gate().client, taskQueue(gate().lane));
    expect(evidence.size).toBeGreaterThan(20);
    for (const secret of [ADMIN, ...tenants.map(({ name }) => tokenOf(name))])
      expect(findSecret(evidence, secret)).toEqual([]);
  });
});

afterAll(() => expect(server.unforeseen).toEqual([]));
