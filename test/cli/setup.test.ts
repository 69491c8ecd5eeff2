import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import { startTemporalProxy } from '../../testbed/temporal-proxy.js';
import { startTemporalServer, type TemporalServer } from '../../testbed/temporal-server.js';
import { canary } from '../support/cli.js';

const PERMISSION_DENIED = 7;
const UNIMPLEMENTED = 12;
const UNAUTHENTICATED = 16;

let server: TemporalServer;
beforeAll(async () => {
  server = await startTemporalServer();
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
async function setupRefused(call: string, status: number, address = server.address) {
  const proxy = await startTemporalProxy(address, (asked) => (asked === call ? status : undefined));
  const end = await canary(['setup', '--retention', '240h'], { TEMPORAL_ADDRESS: proxy.address });
  await proxy.stop();
  return end;
}

test('setup registers the search attributes once', async () => {
  expect((await setup()).out[0]).toMatch(/^default: registered CanarySha, CanaryPhase, /);
  expect((await setup()).out).toEqual(['default: all search attributes are registered', SCHEDULED, ALREADY]);
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

test.each([
  ['AddSearchAttributes', PERMISSION_DENIED, 'search attributes of default', 'CanarySha as KEYWORD, '],
  ['ListSearchAttributes', UNIMPLEMENTED, 'search attributes of default', 'CanarySha as KEYWORD, '],
  [
    'UpdateNamespace',
    PERMISSION_DENIED,
    'retention of default',
    'temporal operator namespace update --namespace default --retention 240h',
  ],
])('a server that does not allow %s is an error of one line with the fix', async (call, status, what, how) => {
  const fresh = call === 'AddSearchAttributes' ? await startTemporalServer() : undefined;
  const { code, err } = await setupRefused(call, status, fresh?.address);
  await fresh?.stop();
  expect({ code, err }).toEqual({
    code: 4,
    err: [
      expect.stringContaining(
        `cannot change the ${what} with these credentials: not for you (on Temporal Cloud use its web page or tcld, elsewhere ask an administrator: ${how}`,
      ),
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
