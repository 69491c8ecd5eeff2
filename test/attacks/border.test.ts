import { randomUUID } from 'node:crypto';
import { MockActivityEnvironment } from '@temporalio/testing';
import { DefaultLogger } from '@temporalio/worker';
import fc from 'fast-check';
import { beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import {
  createMoveQueueActivities,
  createReleaseActivities,
  createWaitQueueActivities,
} from '../../activities/index.js';
import { loadGateConfig } from '../../src/config/load.js';
import { WORKFLOWS } from '../../src/contract/ids.js';
import type { Plan } from '../../src/contract/release.js';
import { emptyLane } from '../../src/lane/state.js';
import { startTenant, type Tenant } from '../../testbed/tenant.js';
import { runs } from '../support/rows.js';

const SHA = '4c1d56e';
const VICTIM = 'registry.example/another-team/payroll';
const IMAGE = 'registry.example/acme/platform';
const DIGEST = `sha256:${'a'.repeat(64)}`;
const TOKEN = 'admin-token-of-the-border';

const QUIET = new DefaultLogger('ERROR', () => undefined);

type Run = (...args: unknown[]) => Promise<unknown>;
let activities: Record<string, Run>;
let tenant: Tenant;
/** What was asked of the registry, of Temporal or of the lane. */
const asked: string[] = [];

/** A dependency that notes each use of it, and answers with nothing. */
const noting = (name: string): unknown =>
  new Proxy(() => undefined, {
    get: (_target, key) => (typeof key === 'symbol' || key === 'then' ? undefined : noting(`${name}.${key}`)),
    apply: () => {
      asked.push(name);
      return Promise.reject(new Error(`${name} is not here`));
    },
  });

beforeAll(async () => {
  tenant = await startTenant({ name: 'canary-1', token: TOKEN, build: { sha: SHA } });
  const { config, suite } = await loadGateConfig({
    CANARY_LANE: 'aa',
    CANARY_IMAGES: IMAGE,
    CANARY_TENANT_URLS: tenant.url,
    CANARY_ADMIN_TOKENS: TOKEN,
    CANARY_TAG: 'canary',
  });
  const state = emptyLane();
  const adopted = {
    sha: SHA,
    at: '2026-11-25T06:00:00.000Z',
    by: 'mallory',
    reason: 'mine',
    images: [{ repository: VICTIM, digest: DIGEST }],
  };
  state.ledger.history.push({ ...adopted, kind: 'adopted' } as never);
  const worker = {
    config,
    suite,
    registry: noting('registry'),
    // A server that knows no run.
    client: { withDeadline: async () => null },
    lane: { state: async () => state, position: noting('lane.position'), update: noting('lane.update') },
    waits: {},
    retryBudgetMs: { registry: 0, secret: 0, smoke: 0 },
    stopping: new AbortController().signal,
  } as never;
  activities = {
    ...createReleaseActivities(worker),
    ...createMoveQueueActivities(worker),
    ...createWaitQueueActivities(worker),
  } as unknown as typeof activities;
  return () => tenant.stop();
});

interface From {
  type?: string;
  workflowId?: string;
}

/** Runs an activity as the worker does; `from` is whom the server names as its workflow. */
function execute(name: string, args: unknown[], from: From | null = {}): Promise<unknown> {
  const { type = WORKFLOWS.release, workflowId = `aa-canary-release-${SHA}` } = from ?? {};
  asked.length = 0;
  const caller = { workflowType: type, workflowExecution: { workflowId, runId: randomUUID() } };
  const none = { workflowExecution: undefined, workflowType: undefined, inWorkflow: false };
  const info = { activityType: name, ...(from === null ? none : caller) };
  return new MockActivityEnvironment(info as never, { logger: QUIET }).run(
    activities[name] as never,
    ...(args as never[]),
  );
}

/** Failure of an activity, as the workflow sees it. */
const failureOf = (running: Promise<unknown>) =>
  running.then(
    (result) => ({ type: 'none', message: JSON.stringify(result), nonRetryable: false }),
    (error: { type?: string; message: string; nonRetryable?: boolean }) => error,
  );

const refused = { type: expect.stringMatching(/^(MoveRefused|ConfigInvalid)$/), nonRetryable: true };

describe('every activity that is registered', () => {
  const all = () => Object.keys(activities);

  test('refuses to be started by hand, in one clear line', async () => {
    expect(all().length).toBeGreaterThan(30);
    for (const name of all()) {
      expect(await failureOf(execute(name, [], null))).toMatchObject({
        type: 'MoveRefused',
        nonRetryable: true,
        message: `${name} refused: it belongs to no run of this gate (fix: start it by canary, not by hand)`,
      });
      expect(asked).toEqual([]);
    }
  });

  // By the name alone, before the server is asked: it may know the run.
  test.each<[string, From, RegExp]>([
    ['a workflow of another type', { type: 'Payroll' }, / is a Payroll, not a /],
    [
      'a run of another lane',
      { workflowId: `bb-canary-release-${SHA}` },
      / is (no run of lane "aa",|a CanaryRelease, not) /,
    ],
    ['a run of no lane', { workflowId: 'payroll' }, / is (no run of lane "aa",|a CanaryRelease, not) /],
  ])('refuses %s', async (_who, from, why) => {
    for (const name of all()) {
      expect(await failureOf(execute(name, [], { type: undefined, ...from } as From))).toMatchObject({
        ...refused,
        message: expect.stringMatching(why),
      });
      expect(asked).toEqual([]);
    }
  });

  test('asks nothing and no one, whatever JSON it gets', async () => {
    const types = Object.values(WORKFLOWS);
    const args = fc.array(
      fc.oneof(fc.jsonValue({ maxDepth: 2 }), fc.constantFrom<unknown>(SHA, VICTIM, {}, [VICTIM], null)),
      { maxLength: 3 },
    );
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...all()), args, async (name, given) => {
        for (const type of types) {
          expect(await failureOf(execute(name, given, { type }))).toMatchObject({ nonRetryable: true });
          expect(asked).toEqual([]);
        }
      }),
      { numRuns: runs(300, 100), seed: 20_261_128 },
    );
  });
});

const plan = (more: object = {}): Plan =>
  ({
    images: [IMAGE],
    tenants: [{ name: 'canary-1', origin: tenant.url }],
    buildProbe: [{ path: '/health', field: 'sha' }],
    soakMs: 0,
    pollMs: 50,
    updateTimeoutMs: 0,
    soakProbeMs: 50,
    approval: 'auto',
    holdTimeoutMs: 1,
    holdGraceMs: 1,
    retryBudgetMs: { registry: 1, secret: 1, smoke: 1 },
    ...more,
  }) as Plan;
const order = (repository: string, kind = 'rollback') => ({
  kind,
  sha: SHA,
  images: [{ repository, to: DIGEST, from: null }],
  by: 'mallory',
  reason: 'because',
});

describe('images that the worker is not configured for', () => {
  const rollback = { type: WORKFLOWS.rollback, workflowId: `aa-rollback-${SHA}` };
  test.each<[string, unknown[], From]>([
    ['resolveBuild', [SHA, [VICTIM]], {}],
    ['readBuildTags', [SHA, [IMAGE, VICTIM]], {}],
    ['resolveTarget', [SHA, [VICTIM], [{ repository: VICTIM, digest: DIGEST }]], rollback],
    ['whereLatestStands', [order(VICTIM, 'promotion')], {}],
    ['whereLatestStands', [order(VICTIM)], rollback],
  ])('are refused by %s, also if a person adopted them', async (name, args, from) => {
    const failed = await failureOf(execute(name, args, from));
    expect(failed).toMatchObject({ type: 'ConfigInvalid', nonRetryable: true });
    expect(failed.message).toContain(`${VICTIM} refused: not one of CANARY_IMAGES`);
    expect(asked).toEqual([]);
  });

  test.each([
    '127.0.0.1:1/internal/../../../admin/secret?x=',
    'https://registry.example/x',
    'registry.example/x:latest',
  ])('are refused if they are none: %s', async (name) => {
    expect(await failureOf(execute('resolveBuild', [SHA, [name]]))).toMatchObject({ type: 'ConfigInvalid' });
    expect(asked).toEqual([]);
  });

  test.each(['latest', 'staging-4c1d56e', 'stable'])('a tag that is not CANARY_TAG is refused: %s', async (tag) => {
    const failed = await failureOf(execute('pointTag', [tag, [{ repository: IMAGE, digest: DIGEST }]]));
    expect(failed).toMatchObject({ type: 'ConfigInvalid', message: `:${tag} refused: CANARY_TAG is canary` });
    expect(asked).toEqual([]);
  });
});

describe('tenants that the worker is not configured for', () => {
  test('get no request, and no header of others', async () => {
    const listener = await startTenant({ name: 'listener', token: TOKEN });
    onTestFinished(() => listener.stop());
    const tenants = [{ name: 'canary-1', origin: listener.url }];
    expect(await failureOf(execute('awaitBuild', [SHA, plan({ tenants }), 0]))).toMatchObject({
      type: 'SecretMissing',
    });
    expect(
      await failureOf(execute('watchFleet', [SHA, plan({ tenants }), { soakMs: 1, unreported: [], stretch: null }])),
    ).toMatchObject({ type: 'SecretMissing' });
    expect(await failureOf(execute('smokeTenant', [tenants[0], 0]))).toMatchObject({
      type: 'SecretMissing',
      message: expect.stringMatching(/^canary-1 is no longer in the fleet of this worker, .*: put it back .* or abort/),
    });
    expect(listener.requests).toEqual([]);
  });

  test.each(['http://127.0.0.1:9/steal', '//127.0.0.1:9/steal', '/\\127.0.0.1:9/steal', 'steal', '/a b', '/health?x'])(
    'a probe that leaves the origin of its tenant is refused: %s',
    async (path) => {
      const buildProbe = [{ path, field: 'sha' }];
      for (const given of [plan({ buildProbe }), plan({ tenants: [{ name: 'a', origin: tenant.url, buildProbe }] })])
        expect(await failureOf(execute('awaitBuild', [SHA, given, 0]))).toMatchObject({ type: 'ConfigInvalid' });
    },
  );

  test.each(['http://user:pass@HOST', 'http://HOST/path', 'HOST', 'http://HOST#'])(
    'an origin that is more than one is refused: %s',
    async (form) => {
      const origin = form.replace('HOST', new URL(tenant.url).host);
      const given = plan({ tenants: [{ name: 'a', origin }] });
      expect(await failureOf(execute('awaitBuild', [SHA, given, 0]))).toMatchObject({ type: 'ConfigInvalid' });
    },
  );

  test('and its own are not asked for a run that the server does not know', async () => {
    const before = tenant.requests.length;
    expect(await failureOf(execute('awaitBuild', [SHA, plan(), 0]))).toMatchObject({ type: 'MoveRefused' });
    expect(tenant.requests.length).toBe(before);
  });
});
