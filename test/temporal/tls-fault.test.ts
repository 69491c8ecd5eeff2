import { createSecureServer, createServer, type SecureServerOptions } from 'node:http2';
import type { AddressInfo, Server } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { tlsFault } from '../../src/temporal/faults/tls-fault.js';
import { makeCertificate } from '../../testbed/certificates.js';

const DAYS = 86_400_000;
const ca = makeCertificate('private CA');
const strangers = makeCertificate('another CA');
const good = makeCertificate('the server', ca, ['127.0.0.1']);
const client = makeCertificate('a worker', ca);
const stranger = makeCertificate('a worker', strangers);

const servers: Server[] = [];
afterAll(() => {
  for (const server of servers) server.close();
});

async function listen(tls: SecureServerOptions | null): Promise<string> {
  const server = tls ? createSecureServer(tls) : createServer();
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}

const of = ({ key, cert }: { key: string; cert: string }) => ({ key, cert });
const trusting = { serverRootCACertificate: Buffer.from(ca.cert) };
const showing = (one: { key: string; cert: string }, key = one.key) => ({
  ...trusting,
  clientCertPair: { crt: Buffer.from(one.cert), key: Buffer.from(key) },
});

describe('a TLS fault', () => {
  let plain: string;
  let secure: string;
  let mutual: string;
  beforeAll(async () => {
    plain = await listen(null);
    secure = await listen(of(good));
    mutual = await listen({ ...of(good), ca: ca.cert, requestCert: true, rejectUnauthorized: true });
  });

  test('is absent where the handshake ends well, with and without a client certificate', async () => {
    expect(await tlsFault(secure, trusting)).toBeNull();
    expect(await tlsFault(mutual, showing(client))).toBeNull();
    expect(await tlsFault(plain, false)).toBeNull();
  });

  test('is absent where no server answers', async () => {
    expect(await tlsFault('127.0.0.1:1', trusting)).toBeNull();
    expect(await tlsFault('127.0.0.1:1', false)).toBeNull();
    expect(await tlsFault('no-such-host.invalid:7233', trusting)).toBeNull();
  });

  test('tells an unknown authority', async () => {
    expect(await tlsFault(secure, true)).toMatch(
      /^its certificate is of an unknown authority \(.*SERVER_CA_CERT_PATH\)$/,
    );
  });

  test('tells a certificate that has expired, and one that is not valid yet', async () => {
    const expired = await listen(of(makeCertificate('the server', ca, ['127.0.0.1'], -2 * DAYS)));
    expect(await tlsFault(expired, trusting)).toMatch(
      /^its certificate expired on \d{4}-\d\d-\d\d \d\d:\d\d UTC \(renew/,
    );
    const early = await listen(of(makeCertificate('the server', ca, ['127.0.0.1'], 2 * DAYS)));
    expect(await tlsFault(early, trusting)).toMatch(
      /^its certificate is not valid before \d{4}-\d\d-\d\d \d\d:\d\d UTC \(is the clock/,
    );
  });

  test('tells a wrong host name, which TEMPORAL_TLS_SERVER_NAME corrects', async () => {
    const named = await listen(of(makeCertificate('the server', ca, ['temporal.internal'])));
    expect(await tlsFault(named, trusting)).toMatch(
      /^its certificate is for temporal\.internal, not for 127\.0\.0\.1 \(TEMPORAL_TLS_SERVER_NAME/,
    );
    expect(await tlsFault(named, { ...trusting, serverNameOverride: 'temporal.internal' })).toBeNull();
  });

  test('tells plain text on the other side, and TLS where this side uses none', async () => {
    expect(await tlsFault(plain, trusting)).toMatch(/^it speaks plain text, not TLS/);
    expect(await tlsFault(secure, false)).toBe('it expects TLS (set TEMPORAL_TLS=true)');
  });

  test('tells a client certificate that is required, refused, or has another key', async () => {
    expect(await tlsFault(mutual, trusting)).toMatch(/^it requires a client certificate/);
    expect(await tlsFault(mutual, showing(stranger))).toMatch(/^it refuses the client certificate/);
    expect(await tlsFault(mutual, showing(client, stranger.key))).toMatch(/^the client certificate cannot be used: /);
  });
});
