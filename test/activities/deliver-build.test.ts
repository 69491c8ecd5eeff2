import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MockActivityEnvironment } from '@temporalio/testing';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { createDeliveryActivities } from '../../activities/fleet/deliver-build.js';
import { createWatchActivities } from '../../activities/watch-production.js';
import { loadConfig } from '../../src/config/load.js';
import { type Config, ConfigError } from '../../src/config/schema.js';
import { type Digest, parseRepository, stagingTag } from '../../src/contract/image.js';
import type { LaneState, LedgerEntry } from '../../src/contract/lane.js';
import { parseSha, type Sha } from '../../src/contract/sha.js';
import { DELIVERY_PART_MS } from '../../src/contract/tenants/production.js';
import { record } from '../../src/lane/ledger.js';
import { emptyLane } from '../../src/lane/state.js';
import { createRegistry } from '../../src/registry/registry.js';
import { type Replaced, startControlPlane } from '../../testbed/control-plane.js';
import { pushBuild, retag, tagDigest } from '../../testbed/images.js';
import { startMemoryRegistry } from '../../testbed/memory-registry.js';
import { startTenant } from '../../testbed/tenant.js';
import { DELIVERY } from '../../workflows/shared/wait-options.js';
import { newSha } from '../support/shas.js';

const ROUTE = 'POST /cp/admin/tenants/redeploy-fleet';
const NAMES = ['platform', 'platform-tenant'];
const MOVED_AT = '2026-11-29T12:00:00.000Z';
const [sha, other] = [parseSha(newSha()), parseSha(newSha())];
const images = await startMemoryRegistry();
const registry = createRegistry({ push: true });
const acme = await startTenant({ name: 'acme', token: 'hush' });
const server = await startControlPlane({
  adminToken: 'hush-admin',
  redeploy() {
    acme.run({ sha });
    return ['acme'];
  },
});
const folder = mkdtempSync(join(tmpdir(), 'canary-delivery-'));
const file = join(folder, 'production.json');
writeFileSync(file, JSON.stringify({ tenants: [{ name: 'acme', url: acme.url }] }));
afterAll(async () => {
  rmSync(folder, { recursive: true, force: true });
  await server.stop();
  await acme.stop();
  await registry.close();
  await images.stop();
});

const ENV = {
  CANARY_IMAGES: NAMES.map((name) => `${images.host}/${name}`).join(','),
  CANARY_UNSAFE: 'true',
  CANARY_POLL: '10ms',
  CANARY_PROD_FLEET_FILE: file,
  CANARY_CP_BASE_URL: server.url,
  CANARY_CP_ADMIN_TOKEN: 'hush-admin',
  CANARY_DELIVERY: 'control-plane',
  CANARY_DELIVERY_CANARY: 'acme',
};
let config: Config;
/** State of the lane; null while it does not answer. */
let state: LaneState | null;
/** Heartbeat details that the server has been told. */
let notes: unknown[];
beforeAll(async () => {
  config = await loadConfig(ENV);
  for (const one of [other, sha])
    for (const repository of NAMES)
      await pushBuild({ registry: images.host, repository, tag: stagingTag(one), sha: one });
});
beforeEach(async () => {
  acme.run({ sha: newSha() });
  server.requests.length = 0;
  notes = [];
  state = emptyLane();
  await move(other, 'promotion', '2026-11-29T11:00:00.000Z');
  await move(sha, 'promotion', MOVED_AT);
});

const point = (from: string, to: string, names = NAMES) =>
  Promise.all(names.map((repository) => retag({ registry: images.host, repository, from, to })));
/** Moves `:latest`, as the ledger records it. */
async function move(to: Sha, kind: LedgerEntry['kind'], at: string, more: object = {}): Promise<void> {
  const digests = await point(stagingTag(to), 'latest');
  const moved = NAMES.map((name, index) => ({
    repository: parseRepository(`${images.host}/${name}`),
    digest: digests[index] as Digest,
    ...(index === 1 && more),
  }));
  if (state) record(state.ledger, { sha: to, at, kind, by: 'ada', reason: 'x', images: moved });
}

interface Given {
  attempt?: number;
  limitMs?: number;
  details?: unknown;
  input?: { sha: Sha; movedAt: string };
  stopping?: AbortSignal;
  /** Time since the delivery was scheduled, in milliseconds. */
  pastMs?: number;
  /** Answers of the lane. */
  asked?: () => Promise<LaneState | null>;
}
/** Delivers as an attempt does that finds the heartbeat `details` of the one before. */
function deliver({ attempt = 1, limitMs = 30_000, details, input, stopping, pastMs = 0, asked }: Given = {}) {
  const client = {
    withDeadline: (_at: number, run: () => unknown) => run(),
    activity: { heartbeat: async (_token: Uint8Array, told: unknown) => notes.push(told) },
  };
  const { deliverBuild } = createDeliveryActivities(
    {
      config,
      client: client as never,
      stopping: stopping ?? new AbortController().signal,
      lane: { state: asked ?? (async () => state) } as never,
      registry,
      waits: { surpriseMs: 20 },
    },
    limitMs,
  );
  const environment = new MockActivityEnvironment({
    attempt,
    heartbeatDetails: details,
    scheduledTimestampMs: Date.now() - pastMs,
    currentAttemptScheduledTimestampMs: Date.now() - pastMs,
    scheduleToCloseTimeoutMs: DELIVERY.scheduleToCloseTimeout,
  });
  return environment.run(deliverBuild, input ?? { sha, movedAt: MOVED_AT });
}
const row = (more: object) => ({ slug: 'acme', phase: 'canary', healthz_ok: true, ssm_exit_code: 0, ...more });
const answer = (ok: boolean, ...results: object[]): Replaced => ({ status: 200, body: { ok, results } });

describe('a delivery by the control plane', () => {
  test.each<[string, Replaced, string]>([
    ['ok: false', answer(false, row({})), 'the control plane answered ok: false, and names no tenant'],
    [
      'ok without the phase of the canary',
      answer(true, row({ phase: 'batch-1' })),
      'the control plane answered ok without the canary phase of acme',
    ],
    ['ok with no result at all', answer(true), 'the control plane answered ok without the canary phase of acme'],
    [
      'ok with a tenant that is not healthy',
      answer(true, row({ healthz_ok: false })),
      'the control plane redeployed not all tenants: acme in canary: not healthy',
    ],
    [
      'ok with a command that failed',
      answer(true, row({ ssm_status: 'Failed', ssm_exit_code: 2 })),
      'the control plane redeployed not all tenants: acme in canary: ended Failed',
    ],
    [
      'ok with another tenant in the phase of the canary',
      answer(true, row({ slug: 'globex' }), row({ phase: 'batch-1' })),
      'the control plane answered ok without the canary phase of acme',
    ],
    [
      'ok with a command that timed out, whatever else it says',
      answer(true, row({ ssm_status: 'TimedOut' })),
      'the control plane redeployed not all tenants: acme in canary: ended TimedOut',
    ],
    [
      'ok with a command that timed out, and nothing else',
      answer(true, row({ ssm_status: 'TimedOut', ssm_exit_code: null, healthz_ok: null })),
      'the control plane redeployed not all tenants: acme in canary: ended TimedOut',
    ],
    [
      'ok with a command that succeeded and yet failed',
      answer(true, row({ ssm_status: 'Success', ssm_exit_code: 1 })),
      'the control plane redeployed not all tenants: acme in canary: ended with an error',
    ],
    [
      'ok with a tenant whose command it does not tell',
      answer(true, row({}), row({ slug: 'globex', phase: 'batch-1', ssm_exit_code: null })),
      'the control plane redeployed not all tenants: globex in batch-1: no result of its command',
    ],
    [
      'ok with a tenant whose health it does not tell',
      answer(true, row({ ssm_status: 'Success', healthz_ok: undefined })),
      'the control plane redeployed not all tenants: acme in canary: not known to be healthy',
    ],
    [
      'another shape',
      { status: 200, body: { ok: true, results: [{ slug: 'acme' }] } },
      'control plane: POST /cp/admin/tenants/redeploy-fleet: status 200: results[0].phase is missing',
    ],
    [
      '403',
      { status: 403 },
      'control plane: POST /cp/admin/tenants/redeploy-fleet: status 403: it refuses CANARY_CP_ADMIN_TOKEN',
    ],
  ])('is a failure on %s', async (_, given, why) => {
    server.answerNext(ROUTE, given);
    expect(await deliver()).toEqual({ delivered: false, why });
  });

  test.each([{ ssm_status: 'Success', ssm_exit_code: null }, { ssm_exit_code: 0 }])(
    'is delivered with %j of a healthy canary',
    async (told) => {
      server.answerNext(ROUTE, answer(true, row(told)));
      expect(await deliver()).toMatchObject({ delivered: true });
    },
  );

  test('is sent again while another one is under way, which was not taken', async () => {
    server.answerNext(ROUTE, { status: 409 }, { status: 429 });
    expect(await deliver()).toMatchObject({ delivered: true });
    expect(server.calls(ROUTE)).toBe(3);
    expect(notes.map((told) => (told as { sent: boolean }).sent)).toEqual([true, false, true, false, true]);
  });

  test('is not sent once a rollback has begun while the registry was read', async () => {
    const states = [
      state,
      { ...(state as LaneState), rollback: { workflowId: 'w', runId: 'r', sha: other, force: false } },
    ];
    const asked = async () => (states.length > 1 ? states.shift() : states[0]) ?? null;
    expect(await deliver({ asked, limitMs: 100 })).toEqual({
      delivered: false,
      why: 'not ordered: another move is under way',
    });
    expect(server.calls(ROUTE)).toBe(0);
  });

  test('is sent by the next worker if one was stopped while it waited for another one to end', async () => {
    server.answerNext(ROUTE, { status: 409 });
    const stopping = AbortSignal.abort();
    await expect(deliver({ stopping })).rejects.toThrow('another worker continues');
    expect(await deliver({ attempt: 2, details: notes.at(-1) })).toMatchObject({ delivered: true });
    expect(server.calls(ROUTE)).toBe(2);
  });

  test.each<[string, Replaced]>([
    ['cut off', 'cut'],
    ['a gateway error', { status: 502 }],
  ])('whose answer was %s is not sent again: the tenants have the answer', async (_, given) => {
    server.answerNext(ROUTE, given);
    const delivered = deliver();
    if (given !== 'cut') setTimeout(() => acme.run({ sha }), 50);
    expect(await delivered).toMatchObject({
      delivered: true,
      why: expect.stringContaining('every production tenant reports the build (control plane: '),
    });
    expect(server.calls(ROUTE)).toBe(1);
  });

  test('takes its three parts at most: until the order may go out, until its answer, and the look for one that was lost', async () => {
    const known = state;
    state = null;
    const limitMs = 400;
    setTimeout(() => {
      state = known;
    }, limitMs - 150);
    server.answerNext(ROUTE, 'never');
    const started = performance.now();
    expect(await deliver({ limitMs })).toMatchObject({ delivered: false });
    const parts = (performance.now() - started) / limitMs;
    expect(parts).toBeGreaterThan(2.5);
    expect(parts).toBeLessThan(4);
    // An attempt that outlives its time-out would lose what it knows.
    expect(DELIVERY.startToCloseTimeout).toBeGreaterThanOrEqual(3 * DELIVERY_PART_MS + 5 * 60_000);
    expect(DELIVERY.scheduleToCloseTimeout).toBeGreaterThanOrEqual(DELIVERY.startToCloseTimeout + DELIVERY_PART_MS);
  });

  test('that a later attempt begins does not wait its part again', async () => {
    server.answerNext(ROUTE, { status: 409 }, { status: 409 });
    const late = { attempt: 2, details: { sent: false }, limitMs: DELIVERY_PART_MS, pastMs: DELIVERY_PART_MS + 1_000 };
    expect(await deliver(late)).toMatchObject({ delivered: false, why: expect.stringContaining('status 409') });
    expect(server.calls(ROUTE)).toBe(1);
    expect(await deliver({ limitMs: DELIVERY_PART_MS })).toMatchObject({ delivered: true });
    expect(server.calls(ROUTE)).toBe(3);
  });

  test('of a worker that was lost is not sent again, and fails if the tenants do not show it in time', async () => {
    expect(await deliver({ attempt: 2, details: { sent: true }, limitMs: 100 })).toEqual({
      delivered: false,
      why: `not every production tenant reports ${sha.slice(0, 7)} (a worker was lost with the answer; the order was not repeated)`,
    });
    acme.run({ sha });
    expect(await deliver({ attempt: 2, details: { sent: true } })).toMatchObject({ delivered: true });
    expect(server.calls(ROUTE)).toBe(0);
  });
});

const at = async (name: string, tag: string) =>
  `${images.host}/${name}:${tag} stands at ${await tagDigest(images.host, name, tag)}`;

describe('an order to the control plane does not go out', () => {
  const refused = async (why: string, given: Given = {}) => {
    expect(await deliver(given)).toEqual({ delivered: false, why: `not ordered: ${why}` });
    expect(server.calls(ROUTE)).toBe(0);
    expect(notes).toEqual([]);
  };

  test('for a build that the gate has not moved', async () => {
    const untested = parseSha(newSha());
    await point(stagingTag(sha), stagingTag(untested));
    await refused(`the newest move of the ledger is not to ${untested}`, {
      input: { sha: untested, movedAt: MOVED_AT },
    });
  });

  test('if no time is left for its answer, and for the look for one that was lost', async () => {
    const past = (parts: number) => ({ limitMs: DELIVERY_PART_MS, pastMs: parts * DELIVERY_PART_MS });
    await refused('too late to wait for the answer to its end', past(3));
    expect(await deliver(past(2))).toMatchObject({ delivered: true });
  });

  test('after a newer rollback', async () => {
    await move(other, 'rollback', '2026-11-29T12:30:00.000Z');
    await refused(`a rollback to ${other} came after it`);
  });

  test('over a rollback that the lane has not heard of', async () => {
    await point(stagingTag(other), 'latest', ['platform-tenant']);
    await refused(`${await at('platform-tenant', 'latest')}, the last move left it elsewhere`);
  });

  test('for a watch that a person started over the live build', async () => {
    const input = { sha, movedAt: '2026-11-29T12:30:00.000Z' };
    await refused('a person started this watch, not the move', { input });
  });

  test('if the tag that it names is not at what was moved', async () => {
    const tag = stagingTag(sha);
    const [kept] = await point(tag, 'kept');
    await point(stagingTag(other), tag, ['platform']);
    await refused(`${await at('platform', tag)}, which is not what was moved`);
    await point(kept as string, tag, ['platform']);
    expect(await deliver()).toMatchObject({ delivered: true });
  });

  test('if the tag that it names has an image that the build did not have', async () => {
    state = emptyLane();
    await move(sha, 'promotion', MOVED_AT, { unchanged: true });
    await refused(`${await at('platform-tenant', stagingTag(sha))}, which is not what was moved`);
  });

  test('without an answer of the lane, which is asked again', async () => {
    const known = state;
    state = null;
    await refused('the lane does not answer', { limitMs: 50 });
    setTimeout(() => {
      state = known;
    }, 50);
    expect(await deliver()).toMatchObject({ delivered: true });
  });

  test('while another move is under way', async () => {
    if (state) state.rollback = { workflowId: 'rollback', runId: 'run', sha: other, force: false };
    await refused('another move is under way', { limitMs: 50 });
    if (state) state.rollback = { workflowId: 'rollback', runId: 'run', sha, force: false };
    expect(await deliver()).toMatchObject({ delivered: true });
  });
});

test('a watch that a person starts plans no delivery', async () => {
  const { loadWatchPlan } = createWatchActivities({ config, client: {}, lane: { state: async () => null } } as never);
  const planned = await new MockActivityEnvironment().run(loadWatchPlan, { sha });
  const { plan } = planned as Awaited<ReturnType<typeof loadWatchPlan>>;
  expect(plan.tenants).toHaveLength(1);
  expect(plan.delivers).toBeUndefined();
});

test.each<[Record<string, string>, string]>([
  [
    { CANARY_CP_BASE_URL: '', CANARY_CP_ADMIN_TOKEN: '', CANARY_DELIVERY_CANARY: '', CANARY_PROD_FLEET_FILE: '' },
    'CANARY_DELIVERY=control-plane needs CANARY_CP_BASE_URL, CANARY_DELIVERY_CANARY, CANARY_PROD_FLEET_FILE',
  ],
  [{ CANARY_DELIVERY: 'tag' }, 'CANARY_DELIVERY=tag starts no watch: unset CANARY_PROD_FLEET_FILE, or use auto-update'],
  [{ CANARY_DELIVERY: 'push' }, 'CANARY_DELIVERY: must be auto-update, tag or control-plane'],
  [{ CANARY_DELIVERY_BATCH: '0' }, 'CANARY_DELIVERY_BATCH: must be a whole number of 1 to 999'],
])('a delivery of %j is refused in one line', async (env, problem) => {
  const error = await loadConfig({ ...ENV, ...env }).catch((caught: unknown) => caught);
  expect((error as ConfigError).problems).toContain(problem);
  expect(error).toBeInstanceOf(ConfigError);
});
