import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MockActivityEnvironment } from '@temporalio/testing';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { createAddTenantActivities } from '../../activities/fleet/add-tenant.js';
import { loadGateConfig } from '../../src/config/load.js';
import { parseSlug, type Slug } from '../../src/contract/tenants/added.js';
import { command } from '../../src/smoke/index.js';
import { type Org, startControlPlane } from '../../testbed/control-plane.js';
import { startTenant, type Tenant } from '../../testbed/tenant.js';
import { newSha } from '../support/shas.js';

const folder = mkdtempSync(join(tmpdir(), 'canary-killed-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const file = join(folder, 'fleet.json');
writeFileSync(file, '{"tenants":[]}');

const tenants: Tenant[] = [];
const sha = newSha();
const server = await startControlPlane({
  adminToken: 'hush-admin',
  async instance(slug) {
    const tenant = await startTenant({ name: slug, token: `hush-${slug}`, build: { sha } });
    tenants.push(tenant);
    return { url: tenant.url, token: `hush-${slug}` };
  },
});
afterAll(async () => {
  await server.stop();
  for (const tenant of tenants) await tenant.stop();
});

let gate: Awaited<ReturnType<typeof loadGateConfig>>;
let activities: ReturnType<typeof createAddTenantActivities>;
beforeAll(async () => {
  gate = await loadGateConfig({
    CANARY_IMAGES: 'ghcr.io/acme/platform',
    CANARY_UNSAFE: 'true',
    CANARY_POLL: '10ms',
    CANARY_FLEET_FILE: file,
    CANARY_CP_BASE_URL: server.url,
    CANARY_CP_ADMIN_TOKEN: 'hush-admin',
  });
  // No Temporal: a cancel arrives with a heartbeat alone.
  activities = activitiesWith(gate.suite);
});
const activitiesWith = (suite: typeof gate.suite) =>
  createAddTenantActivities({ ...gate, suite, client: {} as never, stopping: new AbortController().signal });

/** The steps of a run in their order, as the workflow takes them. */
const STEPS: [string, (slug: Slug) => Promise<unknown>][] = [
  ['loadAddPlan', (slug) => activities.loadAddPlan(slug)],
  ['takeUpOrg', (slug) => activities.takeUpOrg(slug)],
  ['markOrg', (slug) => activities.markOrg(slug, false)],
  ['provisionOrg', (slug) => activities.provisionOrg(slug)],
  ['awaitInstance', (slug) => activities.awaitInstance(slug, Date.now() + 30_000)],
  ['storeToken', (slug) => activities.storeToken(slug)],
  ['checkNewTenant', (slug) => activities.checkNewTenant(slug, true, Date.now() + 30_000)],
  ['joinFleet', (slug) => activities.joinFleet(slug)],
];
const run = (step: (slug: Slug) => Promise<unknown>, slug: Slug) => new MockActivityEnvironment().run(step, slug);
const changes = ['POST /cp/orgs', 'POST /cp/admin/orgs/:slug/canary', 'POST /cp/orgs/:slug/provision'];
const countOf = (slug: string) =>
  changes.map(
    (route) =>
      server.requests.filter((one) => one.route === route && [one.slug, Object(one.body).slug].includes(slug)).length,
  );
const isMember = (slug: string) =>
  JSON.parse(readFileSync(file, 'utf8')).tenants.filter(({ name }: { name: string }) => name === slug).length;

describe('a worker that is killed after a step, before Temporal has its result', () => {
  test.each(STEPS.map(([name], index) => [name, index] as const))(
    '%s: the next worker repeats it, and each change is made once',
    async (name, index) => {
      const slug = parseSlug(`canary-again-${index}`);
      for (const [at, [, step]] of STEPS.entries()) {
        const result = await run(step, slug);
        if (at === index) expect(await run(step, slug)).toEqual(name === 'joinFleet' ? null : normalized(result));
      }
      expect(countOf(slug)).toEqual([1, 1, 1]);
      expect(isMember(slug)).toBe(1);
    },
  );

  test.each(STEPS.map(([name], index) => [name, index] as const))(
    '%s: canary tenants add again begins again, and each change is made once',
    async (_, index) => {
      const slug = parseSlug(`canary-again-${index}`);
      for (const [, step] of STEPS.slice(0, index + 1)) await run(step, slug);
      for (const [, step] of STEPS) await run(step, slug);
      expect(countOf(slug)).toEqual([1, 1, 1]);
      expect(isMember(slug)).toBe(1);
    },
  );

  /** A second check takes another time, and a second look finds the org that the first one created. */
  const normalized = (result: unknown) => {
    const { smoke, isCreated } = Object(result);
    if (smoke) return { ...Object(result), smoke: expect.anything() };
    return isCreated ? { ...Object(result), isCreated: false } : result;
  };
});

describe('an org that this run did not create', () => {
  const put = (given: string, org: Partial<Org> = {}) => {
    const slug = parseSlug(given);
    server.orgs.set(slug, { id: `org-${slug}`, slug, is_canary: false, instance_status: null, ...org });
    return slug;
  };
  const mark = (slug: Slug, isCreated = false) => run((one) => activities.markOrg(one, isCreated), slug);
  const remove = (slug: Slug) => run(activities.deleteOrg, slug);
  const MARK = 'POST /cp/admin/orgs/:slug/canary';
  afterEach(() => {
    server.switches.leftOut = [];
  });

  test.each(['acme', 'canarywharf'])('%s may be a customer: it is neither marked nor deleted', async (name) => {
    const slug = put(name);
    expect(await mark(slug)).toBe('not-ours');
    expect(await remove(slug)).toBe('not-ours');
    expect(server.orgs.get(slug)).toMatchObject({ is_canary: false });
  });

  test('is not deleted once it is a tenant of production, although its name is that of a canary', async () => {
    const slug = put('canary-promoted');
    const read = async () => ({ tenants: [{ name: slug, origin: 'https://acme.example.com' }] });
    const config = { ...gate.config, productionFleet: { read } };
    const stopping = new AbortController().signal;
    const { deleteOrg } = createAddTenantActivities({ ...gate, config, client: {}, stopping } as never);
    expect(await run(deleteOrg, slug)).toBe('not-ours');
    expect(server.orgs.get(slug)).toBeDefined();
  });

  test('may be a customer too where the list does not say whether it is a canary', async () => {
    const slug = put('acme-new');
    server.switches.leftOut = ['is_canary'];
    expect(await mark(slug)).toBe('not-ours');
    expect(server.orgs.get(slug)).toMatchObject({ is_canary: false });
  });

  test('is marked if its slug begins with canary-, and so is any that the run created', async () => {
    expect(await mark(put('canary-old'))).toBe('marked');
    expect(await mark(put('eu'), true)).toBe('marked');
    expect(server.orgs.get('eu')).toMatchObject({ is_canary: true });
  });

  test('is no instance of another account, and never deleted, if it runs and the list leaves out is_canary', async () => {
    const slug = put('canary-left', { is_canary: true, instance_status: 'running' });
    server.switches.leftOut = ['is_canary'];
    server.answerNext(MARK, { status: 409 });
    expect(await mark(slug)).toBe('mark-unknown');
    expect(await remove(slug)).toBe('mark-unknown');
    expect(server.orgs.has(slug)).toBe(true);
  });

  test('is kept if it is a canary that runs after all', async () => {
    const slug = put('canary-runs', { is_canary: true, instance_status: 'running' });
    expect(await remove(slug)).toBe('done');
    expect(server.orgs.has(slug)).toBe(true);
  });

  test.each([400, 404, 422])('is not provisioned elsewhere because a mark is refused by %i', async (status) => {
    const slug = put('canary-refused', { instance_status: 'running' });
    server.answerNext(MARK, { status });
    await expect(mark(slug)).rejects.toThrow(`/canary: status ${status}`);
    expect(await mark(slug)).toBe('provisioned');
  });

  test('is deleted only once it is listed no more', async () => {
    const slug = put('canary-slow', { is_canary: true, instance_status: 'failed' });
    const body = { orgs: [server.orgs.get(slug)] };
    const listed = { status: 200, body };
    server.answerNext('GET /cp/admin/orgs', listed, listed, listed);
    const before = server.calls('GET /cp/admin/orgs');
    expect(await remove(slug)).toBe('done');
    expect(server.calls('GET /cp/admin/orgs') - before).toBe(4);
    expect(server.calls('DELETE /cp/admin/tenants/:slug')).toBe(1);
  });
});

test('a slug that another tenant of the fleet file has by its position is taken, before anything is called', async () => {
  const before = readFileSync(file, 'utf8');
  writeFileSync(file, JSON.stringify({ tenants: [{ url: 'https://first.example', token: { env: 'FIRST' } }] }));
  const load = (slug: string) => run(activities.loadAddPlan, parseSlug(slug));
  try {
    expect(await load('canary-1')).toMatchObject({ taken: expect.stringMatching(/^canary-1 in .* is another tenant/) });
    expect(await load('canary-2')).not.toHaveProperty('taken');
    server.orgs.set('canary-1', {
      id: 'org-1',
      slug: 'canary-1',
      is_canary: true,
      instance_status: 'running',
      url: 'https://first.example',
    });
    expect(await load('canary-1')).not.toHaveProperty('taken');
  } finally {
    writeFileSync(file, before);
    server.forget('canary-1');
  }
});

test('a new tenant is judged where the suite gates on a judge', async () => {
  const judge = command('the load test passes', 'the tenant serves', { run: ['/bin/sh', '-c', 'exit 0'] });
  const slug = parseSlug('canary-judged');
  for (const [, step] of STEPS.slice(0, -2)) await run(step, slug);
  const check = () => activitiesWith([judge]).checkNewTenant(slug, true, Date.now());
  const { smoke } = (await run(check, slug)) as { smoke: object };
  expect(smoke).toMatchObject({ checks: [{ verdict: 'pass' }] });
});
