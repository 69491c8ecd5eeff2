import { createSecureServer, createServer, type Http2Server, type ServerHttp2Stream } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { NativeConnection } from '@temporalio/worker';
import { afterEach, describe, expect, test } from 'vitest';
import { InvalidInput } from '../../src/contract/brand.js';
import { withClient } from '../../src/temporal/connect.js';
import { connectionConfig } from '../../src/temporal/connection.js';
import { proxyTo, workerProxy } from '../../src/temporal/transport/proxy.js';
import { makeCertificate } from '../../testbed/certificates.js';
import { type HttpProxyOptions, startHttpProxy } from '../../testbed/http-proxy.js';

const NAME = 'temporal.example.com:7233';
const ca = makeCertificate('Private Authority');
const ends: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0)) await end();
});

/** A server of gRPC that answers every call with an empty message. */
async function startServer(server: Http2Server): Promise<string> {
  server.on('stream', (stream: ServerHttp2Stream) => {
    stream.on('error', () => undefined);
    stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true });
    stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }));
    stream.end(Buffer.alloc(5));
  });
  server.on('sessionError', () => undefined);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  ends.push(() => server.close());
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}
const secured = () => {
  const { cert, key } = makeCertificate('temporal', ca, ['temporal.example.com']);
  return createSecureServer({ cert, key }) as unknown as Http2Server;
};
const proxied = async (options: HttpProxyOptions) => {
  const proxy = await startHttpProxy(options);
  ends.push(proxy.stop);
  return proxy;
};
const TLS = { TEMPORAL_TLS: 'true', TEMPORAL_TLS_SERVER_CA_CERT_DATA: ca.cert };

describe.each<[string, () => Http2Server, Record<string, string>]>([
  ['in plain text', () => createServer(), {}],
  ['with TLS', secured, TLS],
])('Temporal behind a proxy, %s', (_how, make, tls) => {
  test('is reached by the command line and by a worker, with the login of the proxy', async () => {
    const proxy = await proxied({ login: 'me:p@ss', knows: { [NAME]: await startServer(make()) } });
    const env = { HOME: '/none', TEMPORAL_ADDRESS: NAME, HTTPS_PROXY: `http://me:p%40ss@${proxy.host}`, ...tls };
    expect(await withClient(env, async () => 'connected')).toBe('connected');
    const { connectionOptions, proxy: found, facts } = connectionConfig(env);
    expect(facts.via).toBe(`proxy ${proxy.host} (HTTPS_PROXY)`);
    expect(JSON.stringify(facts), 'which the first log line has').not.toMatch(/p@ss|p%40ss|Basic/);
    await (await NativeConnection.connect({ ...connectionOptions, ...workerProxy(found) })).close();
    expect(new Set(proxy.requests)).toEqual(new Set([`CONNECT ${NAME}`]));
    expect(proxy.requests.length).toBeGreaterThan(1);
  });
});

test('Temporal that NO_PROXY names, or on this machine, is reached directly', async () => {
  const host = await startServer(createServer());
  const env = { HOME: '/none', TEMPORAL_ADDRESS: host, HTTPS_PROXY: 'http://127.0.0.1:1' };
  expect(await withClient(env, async () => 'connected')).toBe('connected');
  expect(proxyTo({ HTTPS_PROXY: 'proxy:1', NO_PROXY: '.example.com' }, NAME)).toBeNull();
  expect(workerProxy(null)).toEqual({});
});

test('a proxy that does not let Temporal pass is named, without its login', async () => {
  const proxy = await proxied({ refuses: 403 });
  const env = { HOME: '/none', TEMPORAL_ADDRESS: NAME, HTTPS_PROXY: `http://me:secret@${proxy.host}` };
  const error = (await withClient(env, async () => null).catch((why: unknown) => why)) as Error;
  expect(error.message).toBe(
    `Temporal does not answer at ${NAME} through the proxy ${proxy.host} (HTTPS_PROXY): does it run, and allow that? NO_PROXY excludes a host`,
  );
});

test('a proxy of https is refused for Temporal: neither client can use it', () => {
  expect(() => proxyTo({ HTTPS_PROXY: 'https://me:secret@proxy' }, NAME)).toThrow(InvalidInput);
  expect(() => proxyTo({ HTTPS_PROXY: 'https://me:secret@proxy' }, NAME)).toThrow(
    'HTTPS_PROXY: Temporal is reached by a proxy of scheme http only (fix: one of http, or temporal.example.com in NO_PROXY)',
  );
});
