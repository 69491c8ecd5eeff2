import { afterAll, beforeEach, describe, expect, onTestFinished, test, vi } from 'vitest';
import { readGates } from '../../src/config/gates.js';
import { loadConfig } from '../../src/config/load.js';
import { planRelease } from '../../src/config/plan.js';
import { ConfigError, type Env } from '../../src/config/schema.js';
import { parseSlug } from '../../src/contract/tenants/added.js';
import { DIRECT } from '../../src/net/network.js';
import { ControlPlaneError, createControlPlane } from '../../src/tenants/control-plane/client.js';
import { withoutFleet } from '../../src/tenants/sources/variables.js';
import { type Replaced, startControlPlane } from '../../testbed/control-plane.js';
import { until } from '../support/until.js';

const [ADMIN, SHARED] = ['hush-admin', 'hush-shared'];
const server = await startControlPlane({
  adminToken: ADMIN,
  sharedSecret: SHARED,
  provisionMs: 0,
  instance: (slug) => ({ url: `https://${slug}.example`, token: `hush-${slug}` }),
});
afterAll(() => server.stop());
beforeEach(() => {
  server.orgs.clear();
  server.switches.leftOut = [];
});
const client = (given: Partial<Parameters<typeof createControlPlane>[0]> = {}) =>
  createControlPlane({
    baseUrl: server.url,
    adminToken: () => ADMIN,
    sharedSecret: () => SHARED,
    tenantUrl: null,
    network: DIRECT,
    ...given,
  });
const EU = parseSlug('eu');
/** A canary org that runs, and is kept with the control plane. */
async function running(slug: string) {
  const one = parseSlug(slug);
  await client().createOrg(one);
  await client().markCanary(one);
  await client().provision(one);
  await until(`${slug} runs`, () => server.orgs.get(slug)?.instance_status === 'running');
}
const errorOf = (call: Promise<unknown>) =>
  call.then(
    () => null,
    (error: unknown) => (error instanceof ControlPlaneError ? error : Promise.reject(error)),
  );

describe('the client of the control plane', () => {
  test('creates an org, marks it, has it provisioned, reads it with its token, and deletes it', async () => {
    await running('eu');
    const [org] = await client().orgs();
    expect(org).toMatchObject({ id: expect.stringMatching(/^org-/), slug: 'eu', instance_status: 'running' });
    expect(await client().adminToken(EU)).toBe('hush-eu');
    await client().deleteTenant(EU);
    expect(await client().orgs()).toEqual([]);
    expect(server.unforeseen).toEqual([]);
  });

  test('has an org that exists, or a mark that comes too late, refused by its status', async () => {
    await running('eu');
    expect(await errorOf(client().createOrg(EU))).toMatchObject({ kind: 'refused', status: 409 });
    server.orgs.set('eu', { id: 'org-9', slug: 'eu', is_canary: false, instance_status: 'running' });
    const { kind, message } = (await errorOf(client().markCanary(EU))) ?? {};
    expect({ kind, message }).toEqual({
      kind: 'refused',
      message: 'control plane: POST /cp/admin/orgs/eu/canary: status 409',
    });
  });

  test.each<[string, Replaced, string, string]>([
    ['401', { status: 401 }, 'denied', 'GET /cp/admin/orgs: status 401: it refuses CANARY_CP_ADMIN_TOKEN'],
    ['403', { status: 403 }, 'denied', 'GET /cp/admin/orgs: status 403: it refuses CANARY_CP_ADMIN_TOKEN'],
    ['429', { status: 429, headers: { 'retry-after': '7' } }, 'silent', 'GET /cp/admin/orgs: status 429'],
    ['500', { status: 500 }, 'silent', 'GET /cp/admin/orgs: status 500'],
    ['no answer', 'cut', 'silent', 'GET /cp/admin/orgs: no answer (UND_ERR_SOCKET)'],
    ['302', { status: 302 }, 'unexpected', 'GET /cp/admin/orgs: status 302: redirects are not followed'],
    [
      'no JSON',
      { status: 200, body: '<p>hush' },
      'unexpected',
      'GET /cp/admin/orgs: status 200: the answer is not JSON',
    ],
    [
      'another shape',
      {
        status: 200,
        body: {
          orgs: [
            { id: 'a', slug: 'eu', instance_status: 'running' },
            { id: 'b', slug: 'hush' },
          ],
        },
      },
      'unexpected',
      'GET /cp/admin/orgs: status 200: orgs[1].instance_status is missing',
    ],
    ['no list', { status: 200, body: { items: [] } }, 'unexpected', 'GET /cp/admin/orgs: status 200: orgs is missing'],
    [
      'another type',
      { status: 200, body: { orgs: [{ id: 7, slug: 'eu', instance_status: null }] } },
      'unexpected',
      'GET /cp/admin/orgs: status 200: orgs[0].id is invalid (expected string)',
    ],
  ])(
    'names path, status and what is wrong of an answer of %s, without address or secret',
    async (_, answer, kind, says) => {
      server.answerNext('GET /cp/admin/orgs', answer);
      const error = await errorOf(client().orgs());
      expect(error).toMatchObject({ kind, message: `control plane: ${says}` });
      expect(error?.message).not.toMatch(/hush|127\.0\.0\.1/);
    },
  );

  test('shows a reason of a failed instance without its own secrets', async () => {
    server.orgs.set('eu', {
      id: 'org-9',
      slug: 'eu',
      is_canary: true,
      instance_status: 'failed',
      instance_error: `agent refused ${ADMIN} and ${SHARED}`,
    });
    const [org] = await client().orgs();
    expect(org?.instance_error).toBe('agent refused [secret] and [secret]');
  });

  test('of another machine cannot name a tenant on this one over plain http', () => {
    const org = { slug: 'eu', url: 'http://127.0.0.1:9000' };
    expect(client().originOf(org)).toBe(org.url);
    expect(() => client({ baseUrl: 'https://api.example.com' }).originOf(org)).toThrow(
      'the address of eu is plain http to this machine: only a control plane of this machine may name it',
    );
  });

  test('passes on the pause that an answer asks for', async () => {
    server.answerNext('GET /cp/admin/orgs', { status: 429, headers: { 'retry-after': '7' } });
    expect((await errorOf(client().orgs()))?.retryAfterMs).toBe(7_000);
  });

  test('names the missing admin token, and never shows one that no header carries', async () => {
    await running('eu');
    const route = 'GET /cp/admin/orgs/:slug/admin-token';
    server.answerNext(
      route,
      { status: 200, body: { token: 'hush' } },
      { status: 200, body: { admin_token: 'hu\nsh' } },
    );
    const path = 'control plane: GET /cp/admin/orgs/eu/admin-token';
    expect((await errorOf(client().adminToken(EU)))?.message).toBe(`${path}: status 200: admin_token is missing`);
    const { message = '' } = (await errorOf(client().adminToken(EU))) ?? {};
    expect(message).toContain(`${path}: admin_token has characters that no header carries`);
    expect(message).not.toContain('hu');
  });

  test('sends the shared secret to the calls that are not admin calls, else the admin token', async () => {
    const wrong = client({ sharedSecret: () => 'hush-other' });
    expect((await errorOf(wrong.createOrg(EU)))?.message).toContain('it refuses CANARY_CP_SHARED_SECRET');
    const none = client({ sharedSecret: () => null });
    expect((await errorOf(none.createOrg(EU)))?.message).toContain('it refuses CANARY_CP_ADMIN_TOKEN');
    expect(await none.orgs()).toEqual([]);
  });

  test.each([
    ['https://api.example.com', null, {}, 'https://eu.example.com'],
    ['https://staging-api.example.com', null, {}, 'https://eu.staging.example.com'],
    ['https://api.example.com', null, { url: 'https://eu.other.example' }, 'https://eu.other.example'],
    [
      'https://api.example.com',
      'https://{slug}.t.example',
      { url: 'https://eu.other.example' },
      'https://eu.t.example',
    ],
  ])('finds the tenant of a control plane at %s, with %s and %j', (baseUrl, tenantUrl, org, origin) => {
    expect(client({ baseUrl, tenantUrl }).originOf({ slug: 'eu', ...org })).toBe(origin);
  });

  test('says what to set if the address of a tenant is not known', () => {
    expect(() => client({ baseUrl: 'https://cp.example.com' }).originOf({ slug: 'eu' })).toThrow(
      'the address of eu is not known: set CANARY_CP_TENANT_URL, e.g. https://{slug}.example.com',
    );
  });
});

const ENV: Env = {
  CANARY_IMAGES: 'ghcr.io/acme/platform',
  CANARY_FLEET_CONTROL_PLANE: 'true',
  CANARY_CP_BASE_URL: server.url,
  CANARY_CP_ADMIN_TOKEN: ADMIN,
  CANARY_CP_SHARED_SECRET: SHARED,
};

describe('a fleet of the control plane', () => {
  test('is its canary orgs that have an instance, each with its token and the id of its org', async () => {
    await running('eu');
    await running('us');
    await client().createOrg(parseSlug('customer'));
    const config = await loadConfig(ENV);
    expect((await planRelease(config, {})).tenants).toEqual([
      { name: 'eu', origin: 'https://eu.example' },
      { name: 'us', origin: 'https://us.example' },
    ]);
    const access = (await config.fleet?.read())?.access.get('https://us.example');
    expect(access).toMatchObject({
      token: 'hush-us',
      headers: { 'X-Molecule-Org-Id': expect.stringMatching(/^org-/) },
    });
  });

  test('keeps a member whose instance failed, with or without its token', async () => {
    await running('eu');
    await running('us');
    const { fleet } = await loadConfig(ENV);
    await fleet?.read();
    Object.assign(server.orgs.get('eu') ?? {}, { instance_status: 'failed' });
    const read = await fleet?.read();
    expect(read?.tenants.map(({ name }) => name)).toEqual(['eu', 'us']);
    expect(read?.copy?.why).toContain('eu is failed, and has no token');
    server.answerNext('GET /cp/admin/orgs/:slug/admin-token', { status: 200, body: { admin_token: 'hush-eu' } });
    expect(await fleet?.read()).not.toHaveProperty('copy');
  });

  test.each<[string, () => void, string]>([
    ['does not answer', () => server.answerNext('GET /cp/admin/orgs', { status: 503 }), 'status 503'],
    [
      'gives no token of a member',
      () => server.answerNext('GET /cp/admin/orgs/:slug/admin-token', { status: 500 }),
      'GET /cp/admin/orgs/eu/admin-token: status 500',
    ],
    [
      'provisions another canary',
      () => void server.orgs.set('us', { id: 'org-7', slug: 'us', is_canary: true, instance_status: 'provisioning' }),
      'us is provisioning',
    ],
  ])('counts as it was while the control plane %s, and the plan says so', async (_, fault, why) => {
    await running('eu');
    const config = await loadConfig(ENV);
    await planRelease(config, {});
    fault();
    const plan = await planRelease(config, {});
    expect(plan.tenants).toEqual([{ name: 'eu', origin: 'https://eu.example' }]);
    expect(plan.fleetNotes?.[0]).toContain('the fleet is a copy of ');
    expect(plan.fleetNotes?.[0]).toContain(why);
  });

  const WAITING = 'the control plane has canary orgs without an instance, which test nothing: us';
  const GONE = 'in the last day the control plane had more canary orgs, which test nothing now: us';
  test.each<[string, () => unknown, string]>([
    ['lost its instance', () => Object.assign(server.orgs.get('us') ?? {}, { instance_status: null }), WAITING],
    ['was deleted', () => server.forget('us'), GONE],
    ['is no longer marked', () => Object.assign(server.orgs.get('us') ?? {}, { is_canary: false }), GONE],
  ])('names a canary that %s in the plan, until it is back', async (_, change, note) => {
    await running('eu');
    await running('us');
    const config = await loadConfig(ENV);
    const first = await planRelease(config, {});
    expect(first).not.toHaveProperty('fleetNotes');
    change();
    const plan = await planRelease(config, {});
    expect(plan.tenants).toEqual([{ name: 'eu', origin: 'https://eu.example' }]);
    expect(plan).toMatchObject({ fleetNotes: [note], keepsFleet: true });
    server.answerNext('GET /cp/admin/orgs', { status: 503 });
    const copied = await planRelease(config, {});
    expect(copied.fleetNotes).toEqual([expect.stringContaining('status 503'), note]);
    expect(copied).not.toHaveProperty('keepsFleet');
    server.forget('us');
    await running('us');
    expect(await planRelease(config, {})).toEqual(first);
  });

  test('names a canary without an instance also on a worker that never saw it, and at most five', async () => {
    await running('eu');
    const config = await loadConfig(ENV);
    for (const slug of ['us', 'a\u001b', 'c3', 'c4', 'c5', 'c6', 'c7'])
      server.orgs.set(slug, { id: `org-${slug}`, slug, is_canary: true, instance_status: null });
    expect((await planRelease(config, {})).fleetNotes).toEqual([`${WAITING}, "a\\u001b", c3, c4, c5 and 2 more`]);
  });

  test('forgets after a day a canary that was deleted', async () => {
    await running('eu');
    await running('us');
    const { fleet } = await loadConfig(ENV);
    await fleet?.read();
    server.forget('us');
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 23 * 3_600_000 });
    onTestFinished(() => void vi.useRealTimers());
    expect((await fleet?.read())?.notes).toEqual([GONE]);
    vi.setSystemTime(Date.now() + 3_600_000);
    expect(await fleet?.read()).not.toHaveProperty('notes');
  });

  test('is an error, and no copy counts, if the list does not say which orgs are canaries', async () => {
    await running('eu');
    const { fleet } = await loadConfig(ENV);
    await fleet?.read();
    server.switches.leftOut = ['is_canary'];
    await expect(fleet?.read()).rejects.toThrow('GET /cp/admin/orgs: orgs[0].is_canary is missing');
    server.answerNext('GET /cp/admin/orgs', { status: 503 });
    await expect(fleet?.read()).rejects.toThrow('there is no copy of the last day');
  });

  test('is an error if the control plane refuses the token, or names no canary', async () => {
    const refused = await loadConfig({ ...ENV, CANARY_CP_ADMIN_TOKEN: 'hush-other' });
    await expect(refused.fleet?.read()).rejects.toThrow(
      'CANARY_FLEET_CONTROL_PLANE: control plane: GET /cp/admin/orgs: status 401: it refuses CANARY_CP_ADMIN_TOKEN',
    );
    await expect((await loadConfig(ENV)).fleet?.read()).rejects.toThrow('names no tenant');
  });
});

test.each<[Env, string]>([
  [{ CANARY_CP_ADMIN_TOKEN: 'hush' }, 'CANARY_CP_ADMIN_TOKEN without CANARY_CP_BASE_URL: set it, or unset them'],
  [
    { CANARY_CP_BASE_URL: 'https://api.example.com' },
    'CANARY_CP_BASE_URL needs CANARY_CP_ADMIN_TOKEN, the token of its admin calls',
  ],
  [
    { CANARY_FLEET_CONTROL_PLANE: 'true' },
    'CANARY_FLEET_CONTROL_PLANE needs CANARY_CP_BASE_URL and CANARY_CP_ADMIN_TOKEN',
  ],
  [{ CANARY_FLEET_CONTROL_PLANE: 'yes' }, 'CANARY_FLEET_CONTROL_PLANE: must be true or false'],
  [
    { ...ENV, CANARY_FLEET_URL: 'https://fleet.example' },
    'CANARY_FLEET_URL, CANARY_FLEET_CONTROL_PLANE: a gate has one canary fleet (keep one of them)',
  ],
  [
    { ...ENV, CANARY_CP_TENANT_URL: 'https://eu.example' },
    'CANARY_CP_TENANT_URL: has no {slug}: expected e.g. https://{slug}.example.com',
  ],
  [
    { ...ENV, CANARY_CP_BASE_URL: 'http://cp.example' },
    'CANARY_CP_BASE_URL: is plain http to cp.example: a token goes over https, or to this machine only',
  ],
])('a control plane of %j is refused in one line', async (env, problem) => {
  const error = await loadConfig({ CANARY_IMAGES: 'ghcr.io/acme/platform', ...env }).catch((caught: unknown) => caught);
  expect(error).toBeInstanceOf(ConfigError);
  expect((error as ConfigError).problems).toContain(problem);
  expect((error as ConfigError).message).not.toContain('hush');
});

test('work on the registry needs no control plane, also where it delivers', async () => {
  const env = { ...ENV, CANARY_CP_ADMIN_TOKEN: '', CANARY_DELIVERY: 'control-plane', CANARY_DELIVERY_BATCH: 'x' };
  await expect(loadConfig(env, undefined, 'registry')).rejects.toThrow('CANARY_DELIVERY');
  const config = await loadConfig(withoutFleet(env), undefined, 'registry');
  expect(config).toMatchObject({ delivery: 'auto-update', controlPlane: null, fleet: null });
});

test('a gate with a control plane of its own has no secret of that of the environment', () => {
  const gate = { CANARY_CP_BASE_URL: 'https://api.pay.example' };
  const gates = readGates({ ...ENV, CANARY_GATES_FILE: 'gates.json' }, () => JSON.stringify({ gates: { pay: gate } }));
  const [entry] = [...(gates?.values() ?? [])];
  const { env } = entry as { env: Env };
  expect(env).toMatchObject(gate);
  expect(env).not.toHaveProperty('CANARY_CP_ADMIN_TOKEN');
  expect(env).not.toHaveProperty('CANARY_CP_SHARED_SECRET');
});
