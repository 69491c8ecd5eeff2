import { afterAll, beforeAll, beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { LATEST, type Tag } from '../../src/contract/image.js';
import type { Registry } from '../../src/registry/context.js';
import { readTag } from '../../src/registry/read-tag.js';
import { createRegistry } from '../../src/registry/registry.js';
import { makeCertificate } from '../../testbed/certificates.js';
import { type MemoryRegistry, startMemoryRegistry } from '../../testbed/memory-registry.js';
import { startTlsFront, type TlsFront } from '../../testbed/tls-front.js';
import { startTwoSchemePort, type TwoSchemePort } from '../../testbed/two-scheme-port.js';
import { as, at, publish, SHORT, WRITER } from './support.js';

// A registry of this machine that speaks https, and tells a client of plain text so, as Go's server does.
let registry: MemoryRegistry;
let front: TlsFront;
let port: TwoSchemePort;
let tag: Tag;
let digest: string | undefined;
let client: Registry;
beforeAll(async () => {
  registry = await startMemoryRegistry();
  const [build] = await publish(registry.host, ['acme/app']);
  tag = build?.tag as Tag;
  digest = build?.digest;
  const ca = makeCertificate('Private Authority');
  const { cert, key } = makeCertificate('a server', ca, ['localhost']);
  front = await startTlsFront(registry.host, { cert, key });
  port = await startTwoSchemePort({ tls: front.host, plain: registry.host });
});
beforeEach(() => {
  Object.assign(port, { resets: 0, isPlain: false });
  client = createRegistry({ waits: SHORT, credentials: as(WRITER) });
  return () => client.close();
});
afterAll(async () => {
  await Promise.all([port.stop(), front.stop(), registry.stop()]);
});
const read = () => readTag(client, at(port.host, 'acme/app'), tag);

describe('a registry that may speak either scheme', () => {
  test.each([1, 2, 3])('is asked by https again after %i connections that were reset', async (resets) => {
    port.resets = resets;
    // What a reset proves, which is nothing, must not last: as many reads as it takes to use up the resets.
    for (let reads = 0; port.resets > 0 && reads < 3; reads++) await read().catch(() => undefined);
    expect(await read()).toBe(digest);
    expect(client.schemes.get(port.host)).toBe('https');
  });

  test('gets no login in clear after a reset', async () => {
    const heal = registry.faults.add({
      match: ({ headers }) => headers.authorization === undefined,
      respond: () => ({ status: 401, headers: { 'www-authenticate': 'Basic realm="here"' } }),
    });
    onTestFinished(heal);
    expect(await read()).toBe(digest);
    // The login is known, and so is that it is wanted.
    for (let resets = 1; resets <= 3; resets++) {
      client.schemes.clear();
      port.drop();
      port.resets = resets;
      await read().catch(() => undefined);
    }
    expect(port.inClear.join('')).not.toMatch(/authorization/i);
    port.resets = 0;
    expect(await read()).toBe(digest);
  });

  test('is found again when it speaks https where it spoke http', async () => {
    port.isPlain = true;
    expect(await read()).toBe(digest);
    expect(client.schemes.get(port.host)).toBe('http');
    port.isPlain = false;
    expect(await read()).toBe(digest);
  });

  test('is found by http where it resets what speaks TLS', async () => {
    port.isPlain = true;
    expect(await readTag(client, at(port.host, 'acme/app'), LATEST)).toBeNull();
    expect(await read()).toBe(digest);
  });
});
