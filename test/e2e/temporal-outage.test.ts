import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { releaseId } from '../../src/contract/ids.js';
import { parseSha } from '../../src/contract/sha.js';
import { awaitRunEnd } from '../../src/temporal/runs.js';
import { type Refusal, startTemporalProxy } from '../../testbed/temporal-proxy.js';
import { canary as spawned } from '../support/canary-process.js';
import { canary } from '../support/cli.js';
import { useGate } from '../support/gate.js';
import { firstRows, fullTest } from '../support/rows.js';
import { temporalAddress } from '../support/servers.js';
import { newSha } from '../support/shas.js';
import { until } from '../support/until.js';

const RESOURCE_EXHAUSTED = 8;
const UNAVAILABLE = 14;
/** Calls that a frontend answers from memory: everything else reads the database. */
const FROM_MEMORY = ['GetSystemInfo', 'DescribeTaskQueue', 'Check'];

const folder = mkdtempSync(join(tmpdir(), 'canary-outage-'));
let proxy: Awaited<ReturnType<typeof startTemporalProxy>>;
/** What calls that read the database get; undefined: an answer. */
let database: Refusal | undefined;
let old: string;
let digests: string[];

const gate = useGate('outage', () => ({ env: { CANARY_UPDATE_TIMEOUT: '5m', CANARY_HOLD_TIMEOUT: '5m' } }));
beforeAll(async () => {
  proxy = await startTemporalProxy(temporalAddress(), (call) => (FROM_MEMORY.includes(call) ? undefined : database));
  old = newSha();
  digests = await gate().begin(old);
  // Loads what the commands load: the time of the others is theirs.
  await canary(['status'], env());
});
afterEach(() => {
  database = undefined;
});
afterAll(async () => {
  await proxy.stop();
  rmSync(folder, { recursive: true, force: true });
});

const env = () => ({
  TEMPORAL_ADDRESS: proxy.address,
  CANARY_LANE: 'outage',
  CANARY_IMAGES: gate().env.CANARY_IMAGES ?? '',
});

// First: the rollback of the others moves :latest behind the back of the ledger.
describe('a command that waits', () => {
  /** Runs `release --wait` in a step of GitHub Actions until the release waits for the tenants. */
  async function waiting(...args: string[]) {
    const sha = newSha();
    await gate().publish(sha);
    const [summary, outputs] = ['summary', 'outputs'].map((name) => join(folder, `${name}-${sha}`)) as [string, string];
    for (const file of [summary, outputs]) writeFileSync(file, '');
    const run = spawned(['release', sha, '--wait', ...args], {
      ...env(),
      GITHUB_ACTIONS: 'true',
      GITHUB_STEP_SUMMARY: summary,
      GITHUB_OUTPUT: outputs,
    });
    await until('it waits', () => run.said().includes('awaiting-canary'), 60_000);
    const id = `outage-canary-release-${sha.slice(0, 7)}`;
    return { sha, id, run, outputs: () => readFileSync(outputs, 'utf8') };
  }

  fullTest(
    'survives an outage of Temporal',
    async () => {
      const { sha, run } = await waiting();
      proxy.cut();
      await until(
        'it says so',
        () => run.said().includes('canary: Temporal does not answer; the run continues\n'),
        60_000,
      );
      gate().deploy({ sha });
      proxy.heal();
      expect(await run.exit).toBe(0);
      expect(run.said()).toContain('promoted: ');
    },
    120_000,
  );

  test.each(
    firstRows(1, [
      ['SIGTERM', 143],
      ['SIGHUP', 129],
      ['SIGINT', 130],
    ] as const),
  )(
    'writes its outputs on %s, and exits with %i; the run continues',
    async (signal, code) => {
      const { sha, id, run, outputs } = await waiting();
      const before = Date.now();
      run.child.kill(signal);
      expect(await run.exit).toBe(code);
      expect(Date.now() - before).toBeLessThan(5_000);
      expect(run.said()).toContain(`canary: detached; ${id} continues`);
      expect(outputs()).toContain(sha);
      expect(await gate().phaseOf(sha)).toBe('awaiting-canary');
      const again = spawned(['release', sha, '--wait', '--abort-on-interrupt'], env());
      await until('it follows', () => again.said().includes('awaiting-canary'), 60_000);
      again.child.kill(signal);
      expect(await again.exit).toBe(code);
      expect(again.said()).toMatch(new RegExp(`canary: detached; ${id} is aborted: `));
      const { report } = await awaitRunEnd(gate().client.workflow.getHandle(id));
      expect(report).toMatchObject({ outcome: 'CanaryAborted' });
      expect(report?.why).toContain(`${signal} of the command that waited for it`);
    },
    60_000,
  );
});

describe('while Temporal answers and its database does not', () => {
  const VERBS = [
    ['status'],
    ['status', '4c1d56e'],
    ['queue'],
    ['history'],
    ['report', '4c1d56e'],
    ['release', '4c1d56e'],
    ['rollback', '4c1d56e', '--reason', 'it burns'],
    ['approve', '4c1d56e', '--reason', 'seen'],
    ['lane', 'unhold', '--reason', 'fixed'],
    ['setup'],
  ];
  test.each<[string, Refusal, RegExp]>([
    ['is down', UNAVAILABLE, /is its database down/],
    ['is over its limit', RESOURCE_EXHAUSTED, /: it limits the rate of calls: .+ \(try again in a minute/],
    ['never answers', 'silent', /is its database down/],
  ])(
    'every verb says within 5 s that the database %s, with the command that needs neither',
    async (_what, refusal, cause) => {
      database = refusal;
      const ends = await Promise.all(
        VERBS.map(async (args) => {
          const before = Date.now();
          const { code, err } = await canary(args, env());
          return { args, code, err, ms: Date.now() - before };
        }),
      );
      for (const { ms, ...end } of ends) {
        expect(end).toEqual({
          args: end.args,
          code: 4,
          err: [
            expect.stringMatching(
              /^canary: Temporal at \S+ cannot work on namespace default: .+; releases wait; to roll back without it: canary rollback <sha> --reason … --direct$/,
            ),
          ],
        });
        expect(end.err[0]).toMatch(cause);
        expect(ms, end.args.join(' ')).toBeLessThan(5_000);
      }
    },
    60_000,
  );

  test('a rollback --direct moves, though a worker polls, and is refused again once the database is back', async () => {
    const { sha } = await gate().greenBuild();
    expect((await awaitRunEnd(await gate().release({ sha }))).report).toMatchObject({ outcome: 'promoted' });
    const direct = (more = {}) => canary(['rollback', old, '--reason', 'it burns', '--direct'], { ...env(), ...more });
    const misled = await direct({ TEMPORAL_TLS: 'true' });
    expect(misled.code).toBe(1);
    expect(misled.err).toEqual([
      expect.stringMatching(/^canary: --direct refused: .* TLS: it speaks plain text, not TLS/),
    ]);
    const refused = await direct();
    expect(refused.code).toBe(1);
    expect(refused.err).toEqual([
      expect.stringMatching(/^canary: --direct refused: .* polls outage-canary-release, so canary rollback works/),
    ]);
    database = 'silent';
    const moved = await direct();
    expect({ code: moved.code, outcome: JSON.parse(moved.out[0] ?? '{}').outcome }).toEqual({
      code: 0,
      outcome: 'rolled-back',
    });
    expect(await gate().latest()).toEqual(digests);
  }, 60_000);

  fullTest(
    'no worker is ready, but each lives',
    async () => {
      const worker = spawned(['worker'], { ...gate().env, ...env(), CANARY_HTTP_ADDR: '127.0.0.1:0' });
      const address = await until(
        'it listens',
        () => /"address":"(127[^"]+)"/.exec(worker.said().split('http.listening')[1] ?? '')?.[1],
        60_000,
      );
      const get = async (path: string) => {
        const response = await fetch(`http://${address}${path}`);
        return `${response.status} ${(await response.text()).trim()}`;
      };
      await until('it is ready', async () => (await get('/readyz')) === '200 ready');
      database = 'silent';
      expect(await get('/readyz')).toBe('503 Temporal cannot read namespace default: not within 1000 ms');
      expect(await get('/healthz')).toBe('200 ok');
      database = undefined;
      await until('it is ready again', async () => (await get('/readyz')) === '200 ready');

      // The server lists the dead one for minutes.
      await gate().stopWorker();
      worker.child.kill('SIGKILL');
      await worker.exit;
      const sha = newSha();
      await gate().publish(sha);
      const { code, err } = await canary(['release', sha], env());
      expect(code).toBe(4);
      expect(err.at(-1)).toMatch(
        /^canary: no worker answers for outage-canary-release-.* within 10 s: the release waits until one does/,
      );
      await gate().startWorker();
      // The dead worker has its first task, which times out.
      const abort = () => canary(['abort', sha, '--reason', 'the test'], env());
      await until('it is aborted', async () => (await abort()).code === 0, 60_000);
      await awaitRunEnd(gate().client.workflow.getHandle(releaseId(gate().lane, parseSha(sha))));
    },
    120_000,
  );
});
