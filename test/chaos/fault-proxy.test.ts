import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { type FaultProxy, startFaultProxy } from '../../chaos/bed/fault-proxy.js';
import { until } from '../support/until.js';

// A server in place of the registry: each answer is the path, and each write is carried out.
const server = createServer((request, response) => {
  response.writeHead(request.method === 'PUT' ? 201 : 200).end(request.url?.padEnd(1_000));
});
const [TAG, BY_DIGEST, BLOB] = ['manifests/staging-abc', 'manifests/sha256:abc', 'blobs/sha256:abc'];
const READS = [TAG, BY_DIGEST, BLOB];
let proxy: FaultProxy;

beforeAll(async () => {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  proxy = await startFaultProxy(`127.0.0.1:${(server.address() as AddressInfo).port}`);
});
beforeEach(() => proxy.heal(true));
afterAll(async () => {
  await proxy.stop();
  server.close();
  server.closeAllConnections();
});

/** Status of a request; `cut` if the answer breaks off, or does not come. */
const ask = (path: string, { host = proxy.gate, method = 'GET' } = {}): Promise<number | 'cut'> =>
  fetch(`http://${host}/v2/app/${path}`, { method }).then(
    (response) =>
      response.text().then(
        () => response.status,
        () => 'cut' as const,
      ),
    () => 'cut' as const,
  );
const inFuture = (ms: number) => Date.now() + ms;

test.each([
  ['all', [429, 429, 429]],
  ['tags', [429, 200, 200]],
  ['digests', [200, 429, 429]],
] as const)('reads of %s are refused for the gate, writes and people are not', async (reads, statuses) => {
  proxy.set({ refuseReads: { until: inFuture(60_000), status: 429, reads } });
  expect(await Promise.all(READS.map((path) => ask(path)))).toEqual(statuses);
  expect(await ask('manifests/latest', { method: 'PUT' })).toBe(201);
  expect(await Promise.all(READS.map((path) => ask(path, { host: proxy.person })))).toEqual([200, 200, 200]);
  expect(proxy.hits('refuseReads')).toBeGreaterThan(0);
});

test('so many answers break off, and the next one is whole', async () => {
  proxy.set({ cutReads: { left: 2, reads: 'digests' } });
  expect([await ask(TAG), await ask(BLOB), await ask(BY_DIGEST), await ask(BLOB)]).toEqual([200, 'cut', 'cut', 200]);
});

test('a read hangs until its time is over, and has no answer', async () => {
  const until = inFuture(300);
  proxy.set({ hangReads: { until, reads: 'tags' } });
  expect([await ask(BLOB), await ask(TAG)]).toEqual([200, 'cut']);
  expect(Date.now()).toBeGreaterThanOrEqual(until);
  expect(await ask(TAG)).toBe(200);
});

test('a healed proxy lags on if it is asked to', async () => {
  const written = async () => {
    for (const host of [proxy.person, proxy.gate]) await ask('manifests/latest', { host, method: 'PUT' });
    const before = proxy.hits('stale');
    await ask('manifests/latest');
    return proxy.hits('stale') - before;
  };
  const stale = { until: inFuture(60_000), ms: 60_000 };
  proxy.set({ stale });
  proxy.heal(false);
  expect(await written()).toBe(1);
  proxy.heal(true);
  expect(await written()).toBe(0);
});

test('a write whose answer is lost is carried out later, and is in the log with the time at which it was sent', async () => {
  const known = proxy.writes.length;
  const from = Date.now();
  proxy.set({ cut: 1, lateMs: 300 });
  expect(await ask('manifests/latest', { method: 'PUT' })).toBe('cut');
  expect(proxy.writes.length).toBe(known);
  await until('it is carried out', () => proxy.writes.length > known);
  const [late] = proxy.writes.slice(known);
  expect(late).toMatchObject({ by: 'gate' });
  expect(late?.sentAt).toBeLessThan(from + 300);
  expect(late?.at).toBeGreaterThanOrEqual(from + 300);
});
