import { NativeConnection } from '@temporalio/worker';
import { afterAll, beforeAll, expect, inject, onTestFinished, test } from 'vitest';
import { SEARCH_ATTRIBUTES } from '../../src/contract/search-attributes.js';
import { invalidSearchAttributes } from '../../src/temporal/namespace.js';
import { startTemporalProxy } from '../../testbed/temporal-proxy.js';
import { startTemporalServer, type TemporalServer } from '../../testbed/temporal-server.js';
import { canary as spawned } from '../support/canary-process.js';
import { canary } from '../support/cli.js';
import { installRuntime } from '../support/gate.js';
import { fullTest } from '../support/rows.js';
import { until } from '../support/until.js';

const PERMISSION_DENIED = 7;
const UNIMPLEMENTED = 12;
const UNAUTHENTICATED = 16;

/** Named as Temporal Cloud names them. */
const DOTTED = 'canary.a1b2c';

let server: TemporalServer;
beforeAll(async () => {
  server = await startTemporalServer({ namespace: DOTTED });
});
afterAll(() => server.stop());

const setup = (...args: string[]) =>
  canary(['setup', ...args], {
    TEMPORAL_ADDRESS: server.address,
    CANARY_IMAGES: `${inject('registry').host}/setup/platform`,
  });
const SCHEDULED = 'schedule cli-check-drift: every 5m, unchanged';
const ALREADY = 'cli-release-lane: exists, nothing is adopted (canary lane adopt accepts where :latest is)';

/** Runs setup against a server that refuses this call. */
async function setupRefused(call: string, status: number, address = server.address, retention = '240h') {
  const proxy = await startTemporalProxy(address, (asked) => (asked === call ? status : undefined));
  const images = `${inject('registry').host}/setup/platform`;
  const end = await canary(['setup', '--retention', retention], {
    TEMPORAL_ADDRESS: proxy.address,
    CANARY_IMAGES: images,
  });
  await proxy.stop();
  return end;
}

test('setup registers the search attributes once', async () => {
  expect((await setup()).out[0]).toMatch(/^default: registered CanarySha, CanaryPhase, /);
  expect((await setup()).out).toEqual(['default: all search attributes are registered', SCHEDULED, ALREADY]);
});

const inDotted = () => ({
  TEMPORAL_ADDRESS: server.address,
  TEMPORAL_NAMESPACE: DOTTED,
  CANARY_LANE: 'cli',
  CANARY_IMAGES: `${inject('registry').host}/setup/platform`,
});

test('a namespace with a dot is set up, and asked', async () => {
  const { code, out } = await canary(['setup'], inDotted());
  expect([code, out[0]]).toEqual([0, expect.stringMatching(/^canary\.a1b2c: registered CanarySha, /)]);
  expect((await canary(['status'], inDotted())).out.join('\n')).toContain('NONE poll cli-canary-release');
});

fullTest('a namespace with a dot is served by a worker, which answers the command line', async () => {
  const env = inDotted();
  await canary(['setup'], env);
  const worker = spawned(['worker'], { ...env, CANARY_HTTP_ADDR: '127.0.0.1:0' });
  onTestFinished(() => void worker.child.kill('SIGKILL'));
  await until('it polls', () => worker.said().includes('"worker.started"'), 60_000);
  expect(await canary(['pause', '--reason', 'a fair'], env)).toMatchObject({
    code: 0,
    out: ['paused until canary resume'],
  });
});

test('--retention prints the new and the previous value, and leaves the search attributes', async () => {
  expect((await setup('--retention', '720h')).out[1]).toBe('default: ended runs are kept for 720h, before: 24h');
  expect((await setup('--retention', '720h')).out).toEqual([
    'default: all search attributes are registered',
    'default: ended runs are kept for 720h, unchanged',
    SCHEDULED,
    ALREADY,
  ]);
});

test.each([
  ['long', 'canary: invalid duration "long": expected e.g. 6m or 30s'],
  ['1h', 'canary: --retention must be at least 24h, got 1h: rollback and status read ended runs'],
  ['900h', 'canary: invalid duration "900h": expected at most 720h'],
])('--retention %s is refused with one line', async (retention, line) => {
  expect(await setup('--retention', retention)).toEqual({ code: 2, out: [], err: [line] });
});

const BY_HAND = 'on Temporal Cloud use its web page or tcld, elsewhere ask an administrator: ';

test.each([PERMISSION_DENIED, UNIMPLEMENTED])(
  'search attributes that these credentials cannot list (%i) are a warning',
  async (status) => {
    const { code, out } = await setupRefused('ListSearchAttributes', status);
    expect({ code, out }).toEqual({
      code: 0,
      out: [
        expect.stringContaining(
          `default: warning: these credentials cannot list the search attributes (not for you); if one is missing, ${BY_HAND}CanarySha as KEYWORD, `,
        ),
        expect.stringContaining('default: ended runs are kept for 240h'),
        SCHEDULED,
        ALREADY,
      ],
    });
  },
);

test('search attributes that its credentials cannot list stop no worker', async () => {
  await installRuntime();
  const refuse = (asked: string) => (asked === 'ListSearchAttributes' ? PERMISSION_DENIED : undefined);
  const proxy = await startTemporalProxy(server.address, refuse);
  const connection = await NativeConnection.connect({ address: proxy.address });
  expect(await invalidSearchAttributes(connection, 'default', SEARCH_ATTRIBUTES)).toEqual({
    missing: [],
    mistyped: [],
    unlisted: 'not for you',
  });
  await connection.close();
  await proxy.stop();
});

test('search attributes that are missing and cannot be added fail the setup, which does the rest', async () => {
  const fresh = await startTemporalServer();
  const { code, out, err } = await setupRefused('AddSearchAttributes', PERMISSION_DENIED, fresh.address);
  await fresh.stop();
  expect({ code, out: out.slice(0, 2), err }).toEqual({
    code: 4,
    out: ['default: ended runs are kept for 240h, before: 24h', 'schedule cli-check-drift: every 5m, created'],
    err: [
      expect.stringContaining(
        `canary: cannot register the search attributes of default with these credentials: not for you (${BY_HAND}CanarySha as KEYWORD, `,
      ),
    ],
  });
});

test('a retention that these credentials cannot change is an error of one line with the fix', async () => {
  const { code, err } = await setupRefused('UpdateNamespace', PERMISSION_DENIED, server.address, '480h');
  expect({ code, err }).toEqual({
    code: 4,
    err: [
      `canary: cannot change the retention of default with these credentials: not for you (${BY_HAND}temporal operator namespace update --namespace default --retention 480h)`,
    ],
  });
});

test.each([PERMISSION_DENIED, UNIMPLEMENTED])(
  'a refused schedule (%i) is reported, and the rest of the setup continues',
  async (status) => {
    const proxy = await startTemporalProxy(server.address, (asked) =>
      asked === 'CreateSchedule' ? status : undefined,
    );
    const images = `${inject('registry').host}/setup/platform`;
    const end = await canary(['setup'], { TEMPORAL_ADDRESS: proxy.address, CANARY_IMAGES: images });
    await proxy.stop();
    expect(end.out).toEqual([
      expect.stringContaining('search attributes'),
      'schedule cli-check-drift: refused (not for you); without it a lost :latest or rollback target goes unnoticed',
      ALREADY,
    ]);
  },
);

test('a server that rejects the credentials is not reported as down', async () => {
  const { code, err } = await setupRefused('GetSystemInfo', UNAUTHENTICATED);
  expect(code).toBe(4);
  expect(err[0]).toMatch(
    /^canary: Temporal at 127\.0\.0\.1:\d+ rejects the credentials: not for you: set TEMPORAL_API_KEY/,
  );
});
