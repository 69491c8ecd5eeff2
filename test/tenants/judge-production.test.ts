import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MockActivityEnvironment } from '@temporalio/testing';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { createReleaseActivities } from '../../activities/index.js';
import { loadGateConfig } from '../../src/config/load.js';
import { parseLane, taskQueue, WORKFLOWS } from '../../src/contract/ids.js';
import { parseSha } from '../../src/contract/sha.js';
import { DIRECT } from '../../src/net/network.js';
import { alerts, type Judge, type Suite, z } from '../../src/smoke/index.js';
import { judgeAccess } from '../../src/smoke/kinds/judge.js';
import { suiteProblems } from '../../src/smoke/validate-suite.js';
import { judgeProduction } from '../../src/tenants/judge-production.js';
import { type SinkServer, startSinkServer } from '../../testbed/sink-server.js';
import { startTenant } from '../../testbed/tenant.js';
import { newSha } from '../support/shas.js';
import { until } from '../support/until.js';

let server: SinkServer;
let state = 'quiet';
const answerOf = (told: string) => ({
  status: 200,
  headers: { 'content-type': 'application/json' },
  body: JSON.stringify({ state: told }),
});
beforeAll(async () => {
  server = await startSinkServer();
  server.answer = () => answerOf(state);
});
afterAll(() => server.stop());

const access = judgeAccess(null, { env: {}, network: DIRECT, readFile: () => '' });
const is = (wanted: string) => z.object({ state: z.literal(wanted) });
const quiet = (more: Partial<Judge> = {}): Judge =>
  ({
    ...alerts('nothing fires', 'it is quiet', {
      url: `${server.url}/?of={tenant}`,
      from: 'json',
      quiet: is('quiet'),
      firing: is('firing'),
      after: true,
      every: '1ms',
    }),
    ...more,
  }) as Judge;

/** Judges of a suite, which look at `acme` and `globex` by turns. */
function watching(suite: Suite, tenants = ['acme', 'globex']) {
  const judges = judgeProduction(suite, access);
  onTestFinished(judges.stop);
  const look = () => {
    const window = { from: Date.now() - 60_000, until: Date.now() };
    return tenants.map((name) => judges.look({ name, origin: 'http://127.0.0.1:9' }, window)?.verdict ?? null);
  };
  return {
    judges,
    look,
    until: (verdicts: (string | null)[]) => until(`all are ${verdicts}`, () => String(look()) === String(verdicts)),
  };
}

describe('judges that look at production', () => {
  test('say nothing before their first look, and are red after two fails in a row', async () => {
    state = 'quiet';
    const { look, until } = watching([quiet()]);
    expect(look()).toEqual(['could-not-test', 'could-not-test']);
    await until(['pass', 'pass']);
    state = 'firing';
    await until(['fail', 'fail']);
    state = 'quiet';
    await until(['pass', 'pass']);
  });

  test('let a pass count over one look without it, and not over two', async () => {
    state = 'quiet';
    const { until } = watching([quiet()], ['acme']);
    await until(['pass']);
    state = 'maintenance';
    await until(['could-not-test']);
    state = 'quiet';
    const rarely = watching([quiet({ every: '1h' })], ['acme']);
    await rarely.until(['pass']);
    state = 'maintenance';
    expect(rarely.look()).toEqual(['pass']);
  });

  test('need two fails in a row, though they find one at once', async () => {
    state = 'firing';
    server.requests.length = 0;
    const rarely = watching([quiet({ every: '1h' })], ['acme']);
    rarely.look();
    await until('it was asked', () => server.requests.length > 0);
    await watching([quiet({ failures: 1, every: '1h' })], ['acme']).until(['fail']);
    expect(rarely.look()).toEqual(['could-not-test']);
  });

  test('count no fails that have a look between them that could not judge, and renew no red by it', async () => {
    server.requests.length = 0;
    const alternating = watching([quiet()], ['acme']);
    const seen = new Set<string | null>();
    server.answer = () => answerOf(server.requests.length % 2 === 0 ? 'maintenance' : 'firing');
    await until('it looked often', () => {
      for (const verdict of alternating.look()) seen.add(verdict);
      return server.requests.length >= 12;
    });
    await alternating.judges.stop();
    server.answer = () => answerOf(state);
    expect([...seen]).toEqual(['could-not-test']);
    state = 'firing';
    const { until: untilAll } = watching([quiet({ failures: 1 })], ['acme']);
    await untilAll(['fail']);
    state = 'maintenance';
    await untilAll(['could-not-test']);
  });

  test('that name no tenant look once for all of them', async () => {
    state = 'quiet';
    server.requests.length = 0;
    const { until } = watching([quiet({ url: `${server.url}/all`, every: '1h' } as Partial<Judge>)]);
    await until(['pass', 'pass']);
    expect(server.requests.map(({ path }) => path)).toEqual(['/all']);
  });

  test('are those that are marked, and no others', async () => {
    expect(watching([quiet({ after: false })]).look()).toEqual([null, null]);
    expect(suiteProblems([quiet({ observe: true })])).toEqual(['the suite only observes: it would pass every build']);
    expect(suiteProblems([quiet(), { ...quiet({ observe: true }), name: 'b' }])).toEqual([
      expect.stringContaining('has after, which counts, and observe, which does not'),
    ]);
  });

  test('look at many tenants, the first of which do not keep them from the last', async () => {
    state = 'quiet';
    const tenants = Array.from({ length: 40 }, (_, index) => `tenant-${index}`);
    await watching([quiet()], tenants).until(tenants.map(() => 'pass'));
  });
});

const callerAs = (workflowType: string, workflowId: string) => ({
  workflowType,
  workflowExecution: { workflowId, runId: randomUUID() },
});

test('a judge that is red makes a live production tenant on the build red; one that cannot judge lets no bake end', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'canary-after-'));
  const sha = newSha();
  const tenant = await startTenant({ name: 'acme', token: 'token', build: { sha } });
  onTestFinished(async () => {
    await tenant.stop();
    rmSync(folder, { recursive: true });
  });
  const file = (name: string, text: string) => {
    writeFileSync(join(folder, name), text);
    return join(folder, name);
  };
  const fleet = file(
    'fleet.json',
    JSON.stringify({ tenants: [{ name: 'acme', url: tenant.url, token: { env: 'T' } }] }),
  );
  const verdict = file('verdict', '2');
  const suite = file(
    'suite.mjs',
    `import { command, defaultSuite } from '@canary-release-gate/canary/smoke';
     const run = ['sh', '-c', 'exit $(cat verdict)'];
     export default [defaultSuite[0], command('a look', 'all is well', { run, after: true, every: '10ms' })];`,
  );
  const env = { CANARY_IMAGES: 'ghcr.io/acme/platform', CANARY_SMOKE_SUITE: suite, T: 'token', PATH: process.env.PATH };
  const gate = await loadGateConfig({ ...env, CANARY_FLEET_FILE: fleet, CANARY_PROD_FLEET_FILE: fleet });
  const caller = callerAs(WORKFLOWS.watch, `watch-production-${sha.slice(0, 7)}`);
  const environment = new MockActivityEnvironment(caller);
  const client = {
    withDeadline: async () => ({ type: caller.workflowType, taskQueue: taskQueue(parseLane('')) }),
    workflow: { getHandle: () => ({ signal: async () => undefined }) },
  };
  const activities = createReleaseActivities({
    ...gate,
    client,
    lane: { state: async () => undefined },
    waits: { surpriseMs: 0 },
    retryBudgetMs: { registry: 0, secret: 0, smoke: 0 },
    stopping: new AbortController().signal,
  } as never);
  const run = <A extends unknown[], T>(activity: (...args: A) => Promise<T>, ...args: A): Promise<T> =>
    environment.run(activity as never, ...(args as unknown as never[]));
  const input = { sha: parseSha(sha), movedAt: new Date().toISOString() };
  const { plan, seen } = await run(activities.loadWatchPlan, input);
  const watch = (limits: object, from = seen) =>
    run(activities.watchProduction, input, { ...plan, pollMs: 20, ...limits }, from);

  const unjudged = await watch({ bakeMs: 0, shiftMs: 1_000 });
  expect(unjudged).toMatchObject({ end: null, seen: { bake: null, tenants: [{ live: 'pass' }] } });
  expect(unjudged.seen.tenants[0]?.unjudged).toBe('a look: could not be tested');
  expect(unjudged.seen.tenants[0]?.red).toBeUndefined();
  writeFileSync(verdict, '0');
  expect(await watch({ bakeMs: 0 }, unjudged.seen)).toMatchObject({ end: 'followed' });
  writeFileSync(verdict, '1');
  const red = await watch({ bakeMs: 3_600_000 }, unjudged.seen);
  expect(red).toMatchObject({ end: null, seen: { tenants: [{ live: 'fail', red: 'a look: exit 1' }] } });
});
