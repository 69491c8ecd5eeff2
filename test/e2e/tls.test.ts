import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { withClient } from '../../src/temporal/connect.js';
import { makeCertificate } from '../../testbed/certificates.js';
import { startTemporalProxy } from '../../testbed/temporal-proxy.js';
import { canary as spawned } from '../support/canary-process.js';
import { canary } from '../support/cli.js';
import { useGate } from '../support/gate.js';
import { fullTest } from '../support/rows.js';
import { temporalAddress } from '../support/servers.js';
import { until } from '../support/until.js';

const UNAUTHENTICATED = 16;
const KEY = 'prod-api-key-0123456789';
const ROTATED = 'rotated-api-key-0123456789';
/** What only a tunnel or a load balancer would call it. */
const SERVER_NAME = 'temporal.internal';

const folder = mkdtempSync(join(tmpdir(), 'canary-tls-'));
const ca = makeCertificate('private CA');
const server = makeCertificate('the server', ca, [SERVER_NAME]);
const client = makeCertificate('canary-worker', ca);
const stranger = makeCertificate('canary-worker', makeCertificate('another CA'));

const file = (name: string, content: string) => {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
};

/** A Temporal server of a company: a private CA, client certificates and API keys, behind another name. */
let proxy: Awaited<ReturnType<typeof startTemporalProxy>>;
/** Keys of the calls that came. */
const callers = new Set<string>();
/** Keys that the server takes. */
let taken = [KEY];
let settings: Record<string, string>;

const gate = useGate('tls');

beforeAll(async () => {
  proxy = await startTemporalProxy(
    temporalAddress(),
    (_call, headers) => {
      callers.add(String(headers.authorization));
      return taken.some((key) => headers.authorization === `Bearer ${key}`) ? undefined : UNAUTHENTICATED;
    },
    { key: server.key, cert: server.cert, ca: ca.cert, requestCert: true, rejectUnauthorized: true },
  );
  settings = {
    TEMPORAL_ADDRESS: proxy.address,
    TEMPORAL_API_KEY: KEY,
    TEMPORAL_TLS_SERVER_CA_CERT_PATH: file('ca.pem', ca.cert),
    TEMPORAL_TLS_SERVER_NAME: SERVER_NAME,
    TEMPORAL_TLS_CLIENT_CERT_PATH: file('client.pem', client.cert),
    TEMPORAL_TLS_CLIENT_KEY_PATH: file('client.key', client.key),
    CANARY_LANE: 'tls',
  };
});
afterAll(async () => {
  await proxy.stop();
  rmSync(folder, { recursive: true, force: true });
});

const worker = (env: Record<string, string>) =>
  spawned(['worker'], { ...gate().env, ...settings, CANARY_HTTP_ADDR: '127.0.0.1:0', ...env });

describe('Temporal behind TLS', () => {
  test('is reached by the command line and by a worker, with an API key and a client certificate', async () => {
    expect(await canary(['status'], settings)).toMatchObject({ code: 0, err: [] });
    const running = worker({});
    await until('it starts', () => running.said().includes('worker.started'), 60_000);
    running.child.kill('SIGTERM');
    expect(await running.exit).toBe(0);
    expect(callers).toEqual(new Set([`Bearer ${KEY}`]));
    expect(running.said()).not.toContain(KEY);
    expect(JSON.parse(running.said().split('\n', 1)[0] ?? '')).toMatchObject({
      level: 'INFO',
      message: 'worker.connecting',
      address: proxy.address,
      namespace: 'default',
      as: 'API key, client certificate CN=canary-worker',
      tls: true,
      serverName: SERVER_NAME,
      identity: expect.stringMatching(/^\d+@.+#[0-9a-f]{8}\.[\w-]+$/),
    });
  }, 90_000);

  fullTest(
    'is reached with the API key of a file, and with the next one once that is rotated, without a restart',
    async () => {
      const path = file('api-key', KEY);
      const rotating = { TEMPORAL_API_KEY: '', TEMPORAL_API_KEY_FILE: path };
      const running = worker(rotating);
      await until('it starts', () => running.said().includes('worker.started'), 60_000);
      const [, address] = /"http.listening","address":"([^"]+)"/.exec(running.said()) ?? [];
      await withClient({ HOME: folder, ...settings, ...rotating }, async (client) => {
        const isAnswered = () =>
          client.workflowService.getSystemInfo({}).then(
            () => true,
            () => false,
          );
        expect(await isAnswered()).toBe(true);
        file('api-key', `${ROTATED}\n`);
        taken = [ROTATED];
        await until('a client that is connected has the new key', isAnswered);
      });
      await until('the worker has the new key', () => running.said().includes('temporal.api-key'));
      expect((await fetch(`http://${address}/readyz`)).status).toBe(200);
      running.child.kill('SIGTERM');
      expect(await running.exit).toBe(0);
      expect(running.said()).not.toMatch(/(?:prod|rotated)-api-key/);
      taken = [KEY];
    },
    90_000,
  );

  const KEY_FIX = 'set TEMPORAL_API_KEY, or the certificate of TEMPORAL_TLS_*';
  const foreign = () => ({
    TEMPORAL_TLS_CLIENT_CERT_PATH: file('foreign.pem', stranger.cert),
    TEMPORAL_TLS_CLIENT_KEY_PATH: file('foreign.key', stranger.key),
  });
  test.each([
    [
      'without its private CA',
      () => ({ TEMPORAL_TLS_SERVER_CA_CERT_PATH: '' }),
      'at ADDRESS cannot be used: TLS: its certificate is of an unknown authority (private CA) (TEMPORAL_TLS_SERVER_CA_CERT_PATH)',
    ],
    [
      'if its certificate has another name',
      () => ({ TEMPORAL_TLS_SERVER_NAME: '' }),
      'at ADDRESS cannot be used: TLS: its certificate is for temporal.internal, not for 127.0.0.1 (TEMPORAL_TLS_SERVER_NAME, or another TEMPORAL_ADDRESS)',
    ],
    [
      'without a client certificate',
      () => ({ TEMPORAL_TLS_CLIENT_CERT_PATH: '', TEMPORAL_TLS_CLIENT_KEY_PATH: '' }),
      'at ADDRESS cannot be used: TLS: it requires a client certificate (TEMPORAL_TLS_CLIENT_CERT_PATH and TEMPORAL_TLS_CLIENT_KEY_PATH)',
    ],
    [
      'with a certificate of another CA',
      foreign,
      'at ADDRESS cannot be used: TLS: it refuses the client certificate (TEMPORAL_TLS_CLIENT_CERT_PATH: of an authority that it knows, and not expired)',
    ],
    [
      'with another API key',
      () => ({ TEMPORAL_API_KEY: 'another' }),
      `at ADDRESS rejects the credentials: not for you: ${KEY_FIX}`,
    ],
    [
      'in clear text',
      () => ({ TEMPORAL_TLS: 'false' }),
      'at ADDRESS cannot be used: TLS: it expects TLS (set TEMPORAL_TLS=true)',
    ],
  ])(
    'is not reached %s, by the command line or a worker',
    async (_what, change, why) => {
      const line = `canary: Temporal ${why.replace('ADDRESS', proxy.address)}`;
      const running = worker(change());
      expect(await canary(['status'], { ...settings, ...change() })).toEqual({ code: 4, out: [], err: [line] });
      expect(await running.exit).toBe(4);
      expect(running.said().trim().split('\n').slice(1)).toEqual([line]);
    },
    60_000,
  );
});
