import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type Digest, LATEST, type Tag } from '../../src/contract/image.js';
import type { Registry } from '../../src/registry/context.js';
import { getManifest } from '../../src/registry/get-manifest.js';
import { probeWrite } from '../../src/registry/probe-write.js';
import { putTag } from '../../src/registry/put-tag.js';
import { readTag } from '../../src/registry/read-tag.js';
import { createRegistry, type RegistryOptions } from '../../src/registry/registry.js';
import { requireChildren } from '../../src/registry/require-children.js';
import { tagDigest } from '../../testbed/images.js';
import { type MemoryRegistry, startMemoryRegistry } from '../../testbed/memory-registry.js';
import { ociError } from '../../testbed/registry-store.js';
import { startTokenServer, type TokenServer } from '../../testbed/token-server.js';
import { until } from '../support/until.js';
import { as, at, errorOf, publish, READER, SHORT, twoBuilds, WRITER } from './support.js';

let registry: MemoryRegistry;
beforeAll(async () => {
  registry = await startMemoryRegistry();
});
afterAll(async () => {
  expect(registry.unforeseen).toEqual([]);
  await registry.stop();
});
let clients: Registry[] = [];
afterEach(async () => {
  await Promise.all(clients.map((one) => one.close()));
  clients = [];
});
const client = (options: RegistryOptions = {}) => {
  const made = createRegistry({ waits: SHORT, ...options });
  clients.push(made);
  return made;
};
const requestsOf = (name: string) => registry.requests.filter(({ path }) => path.includes(`/v2/${name}/`));

describe('beforeSend', () => {
  test('runs once for each attempt; if it throws, that error comes back and nothing is sent', async () => {
    const { next, before, tag } = await twoBuilds(registry.host, 'veto');
    const own = client();
    const manifest = await getManifest(own, at(registry.host, 'veto'), tag);
    const puts = () =>
      requestsOf('veto').filter(({ method, path }) => method === 'PUT' && path.endsWith('/latest')).length;
    const was = puts();
    const veto = new Error('the write lease has expired');
    const refuse = () => {
      throw veto;
    };
    for (let times = 0; times < 3; times++)
      expect(await putTag(own, manifest, LATEST, { beforeSend: refuse }).catch((reason: unknown) => reason)).toBe(veto);
    expect(puts()).toBe(was);
    expect(await tagDigest(registry.host, 'veto', 'latest')).toBe(before);
    let asked = 0;
    await putTag(own, manifest, LATEST, { beforeSend: () => void asked++ });
    expect([asked, puts()]).toEqual([1, was + 1]);
    expect(await tagDigest(registry.host, 'veto', 'latest')).toBe(next);
  });

  test('does not run if no connection opens', async () => {
    const manifest = {
      repository: at('127.0.0.1:1', 'app'),
      digest: 'sha256:' as Digest,
      mediaType: 'x/y',
      bytes: Buffer.from('{}'),
      children: [],
      attestations: [],
    };
    let asked = 0;
    const error = await errorOf(putTag(client(), manifest, LATEST, { beforeSend: () => void asked++ }));
    expect(error).toMatchObject({ kind: 'transient', code: 'ECONNREFUSED' });
    expect(error.message).toContain('connection refused: is 127.0.0.1:1 running?');
    expect(asked).toBe(0);
  });

  test('runs for a PUT that waits for a connection only when that is free', async () => {
    const order: string[] = [];
    const server = createServer((request, response) => {
      order.push(`came ${request.url?.at(-1)}`);
      request.resume().on('end', () => response.writeHead(201).end());
    }).listen(0, '127.0.0.1');
    await until('it listens', () => server.listening);
    const repository = at(`127.0.0.1:${(server.address() as AddressInfo).port}`, 'app');
    const manifest = {
      repository,
      digest: 'sha256:' as Digest,
      mediaType: 'x/y',
      bytes: Buffer.from('{}'),
      children: [],
      attestations: [],
    };
    const own = client();
    await putTag(own, manifest, 'a' as Tag, { beforeSend: () => void order.push('asked a') });
    await putTag(own, manifest, 'b' as Tag, { beforeSend: () => void order.push('asked b') });
    server.close();
    expect(order).toEqual(['asked a', 'came a', 'asked b', 'came b']);
  });

  test('is bound by the time-out of the PUT', async () => {
    await publish(registry.host, ['slow']);
    const heal = registry.faults.add({
      match: ({ method, path }) => method === 'PUT' && path.includes('/slow/'),
      respond: () => 'hang',
    });
    const manifest = {
      repository: at(registry.host, 'slow'),
      digest: 'sha256:' as Digest,
      mediaType: 'x/y',
      bytes: Buffer.from('{}'),
      children: [],
      attestations: [],
    };
    const started = performance.now();
    const error = await errorOf(putTag(client(), manifest, LATEST, { timeoutMs: 100 }));
    heal();
    expect(performance.now() - started).toBeLessThan(SHORT.requestMs);
    expect(error).toMatchObject({ kind: 'transient', code: 'timeout' });
  });
});

describe('the manifest cache', () => {
  test('serves reads by digest; a tag, and the children of an index, are always requested', async () => {
    const [build] = await publish(registry.host, ['lru']);
    const repository = at(registry.host, 'lru');
    const own = client();
    const before = requestsOf('lru').length;
    const manifest = await getManifest(own, repository, build?.digest as Digest);
    expect(await getManifest(own, repository, build?.digest as Digest)).toBe(manifest);
    expect(requestsOf('lru').length - before).toBe(1);
    await putTag(own, manifest, LATEST);
    await readTag(own, repository, LATEST);
    await readTag(own, repository, LATEST);
    for (const child of manifest.children) await getManifest(own, repository, child);
    await requireChildren(own, manifest);
    await requireChildren(own, manifest);
    expect(requestsOf('lru').length - before).toBe(1 + 1 + 2 + 2 + 4);
  });

  test('drops the oldest first when it reaches its limits', async () => {
    const own = client();
    const bytes = Buffer.alloc(4 * 1024 * 1024);
    const digests = Array.from({ length: 9 }, (_, index) => `sha256:${index}` as Digest);
    const repository = at(registry.host, 'lru');
    for (const digest of digests) {
      own.manifests.add({ repository, digest, mediaType: 'x/y', bytes, children: [], attestations: [] });
      own.manifests.get(repository, digests[0] as Digest);
    }
    expect(digests.filter((digest) => own.manifests.get(repository, digest))).toEqual([
      digests[0],
      ...digests.slice(6),
    ]);
  });
});

describe('tokens', () => {
  let tokens: TokenServer;
  let heal: () => void;
  beforeEach(async () => {
    tokens = await startTokenServer({ users: [WRITER, READER] });
    tokens.behavior.opaque = true;
    heal = registry.faults.add({
      match: ({ path }) => path.includes('/t-'),
      respond: (request, serve) => tokens.refuse(request) ?? serve(),
    });
  });
  afterEach(async () => {
    heal();
    await tokens.stop();
  });
  const refusedOf = (name: string) => requestsOf(name).filter(({ status }) => status === 401).length;

  test('twenty requests at once to two repositories of a host cost one challenge, and a token each', async () => {
    const own = client({ credentials: as(WRITER), push: true });
    const repositories = ['t-one', 't-two'].map((name) => at(registry.host, name));
    await Promise.all(Array.from({ length: 20 }, (_, index) => readTag(own, repositories[index % 2] as never, LATEST)));
    expect(refusedOf('t-one') + refusedOf('t-two')).toBe(1);
    expect(tokens.requests.map(({ scopes, user }) => [user, scopes]).sort()).toEqual([
      ['writer', ['repository:t-one:pull,push']],
      ['writer', ['repository:t-two:pull,push']],
    ]);
  });

  test('a host without a login on file is asked by all at once, any other by one first', async () => {
    for (const [isOnFile, atOnce] of [
      [false, 2],
      [true, 1],
    ] as const) {
      const own = client({ mayHaveLogin: async () => isOnFile, push: true });
      let [open, most] = [0, 0];
      const count = registry.faults.add({
        match: ({ path }) => path.includes('/open/'),
        respond: async (_request, serve) => {
          open += 1;
          most = Math.max(most, open);
          await delay(50);
          open -= 1;
          return serve();
        },
      });
      await Promise.all(['open/one', 'open/two'].map((name) => readTag(own, at(registry.host, name), LATEST)));
      count();
      expect(most).toBe(atOnce);
    }
  });

  test('an overloaded host is not taken for one without authentication', async () => {
    const own = client({ credentials: as(WRITER) });
    const busy = registry.faults.add({
      match: ({ path }) => path.includes('/busy/'),
      respond: () => ociError(503, 'UNAVAILABLE', 'busy'),
    });
    await errorOf(readTag(own, at(registry.host, 'busy/web'), LATEST));
    busy();
    expect(own.auth.hosts.has(registry.host)).toBe(false);
    await readTag(own, at(registry.host, 'busy/web'), LATEST);
    expect(own.auth.hosts.get(registry.host)).toBeNull();
  });

  test('request no more than pull for reads', async () => {
    const own = client({ credentials: as(WRITER) });
    await readTag(own, at(registry.host, 't-least'), LATEST);
    await probeWrite(own, at(registry.host, 't-least'));
    expect(tokens.requests.map(({ scopes }) => scopes)).toEqual([
      ['repository:t-least:pull'],
      ['repository:t-least:pull,push'],
    ]);
  });

  test('a token request survives an aborted caller, and is aborted with the last one', async () => {
    const own = client({ credentials: as(WRITER) });
    await readTag(own, at(registry.host, 't-known'), LATEST);
    let release: () => void = () => undefined;
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    let came = 0;
    let closed = 0;
    const slow = createServer(async (request, response) => {
      came += 1;
      response.on('close', () => void (response.writableEnded || closed++));
      await held;
      if (response.destroyed) return;
      response.end(
        await fetch(`${tokens.realm}${request.url?.slice(1)}`, {
          headers: { authorization: request.headers.authorization ?? '' },
        }).then((answer) => answer.text()),
      );
    }).listen(0, '127.0.0.1');
    await until('it listens', () => slow.listening);
    const realm = `http://127.0.0.1:${(slow.address() as AddressInfo).port}/`;
    own.auth.hosts.set(registry.host, [{ scheme: 'bearer', params: { realm } }]);
    const [one, two] = [new AbortController(), new AbortController()];
    const repository = at(registry.host, 't-shared');
    const gone = readTag(own, repository, LATEST, one.signal).catch((reason: unknown) => reason);
    const stays = readTag(own, repository, LATEST, two.signal);
    const left = [new AbortController(), new AbortController()];
    const others = left.map(({ signal }) =>
      readTag(own, at(registry.host, 't-left'), LATEST, signal).catch((reason: unknown) => reason),
    );
    await until('both tokens are asked for', () => came === 2);
    one.abort(new Error('one has gone'));
    for (const controller of left) controller.abort(new Error('left'));
    expect(await gone).toMatchObject({ message: 'one has gone' });
    expect(await Promise.all(others)).toMatchObject([{ message: 'left' }, { message: 'left' }]);
    await until('the token request without a caller is aborted', () => closed === 1);
    release();
    expect(await stays).toBeNull();
    expect(tokens.requests.filter(({ scopes }) => scopes.includes('repository:t-shared:pull'))).toHaveLength(1);
    slow.close();
  });

  test.each<[string, { expires_in?: number; issued_at?: string; issuedMs?: number }, number]>([
    ['300 s: 10 s early', { expires_in: 300 }, 290],
    ['nothing said: 60 s', {}, 50],
    ['12 s: at half its life', { expires_in: 12 }, 6],
    ['0 s: at once', { expires_in: 0 }, 0],
    ['less than nothing', { expires_in: -5 }, 0],
    ['handed out 100 s ago', { expires_in: 300, issuedMs: -100_000 }, 190],
    ['handed out in an hour', { expires_in: 300, issuedMs: 3_600_000 }, 290],
    ['handed out an hour ago, by a clock that is off', { expires_in: 300, issuedMs: -3_600_000 }, 290],
    ['handed out at no time', { expires_in: 300, issued_at: 'yesterday' }, 290],
  ])('are renewed in time: %s', async (_what, { issuedMs, ...given }, seconds) => {
    const said = { ...given, ...(issuedMs && { issued_at: new Date(Date.now() + issuedMs).toISOString() }) };
    tokens.behavior.respond = () => ({
      status: 200,
      headers: {},
      body: Buffer.from(JSON.stringify({ token: 'x', access_token: 'y', ...said })),
    });
    const own = client({ credentials: as(WRITER) });
    await readTag(own, at(registry.host, 't-renew'), LATEST).catch(() => undefined);
    const [grant] = own.auth.grants.values();
    expect(grant?.header).toBe('Bearer y');
    expect(((grant?.expiresAt ?? 0) - performance.now()) / 1000).toBeGreaterThan(seconds - 2);
    expect(((grant?.expiresAt ?? 0) - performance.now()) / 1000).toBeLessThanOrEqual(seconds);
  });

  test('a scope that the registry requires besides ours is requested as well, ours first, and kept', async () => {
    const wants = `Bearer realm="${tokens.realm}",service="s",scope="repository:upstream/x:pull repository:t-mirror:pull"`;
    let refusals = 0;
    heal();
    heal = registry.faults.add({
      match: ({ path }) => path.includes('/t-mirror/'),
      respond: (_, serve) =>
        refusals++ === 0 ? ociError(401, 'UNAUTHORIZED', 'more', { 'www-authenticate': wants }) : serve(),
    });
    const own = client({ credentials: as(WRITER) });
    await readTag(own, at(registry.host, 't-mirror'), LATEST);
    own.auth.grants.clear();
    await readTag(own, at(registry.host, 't-mirror'), LATEST);
    expect(tokens.requests.map(({ scopes }) => scopes)).toEqual(
      Array(2).fill(['repository:t-mirror:pull', 'repository:upstream/x:pull']),
    );
  });

  test.each([false, true])(
    'an identity token is exchanged (a server without POST: %s), and a registry token is shown as it is',
    async (noPost) => {
      tokens.behavior.noPost = noPost;
      const own = client({ credentials: async () => ({ kind: 'identity-token', token: 'writer-identity' }) });
      await probeWrite(own, at(registry.host, 't-identity'));
      expect(tokens.requests.map(({ method, status }) => [method, status])).toEqual(
        noPost
          ? [
              ['POST', 404],
              ['GET', 200],
            ]
          : [['POST', 200]],
      );
      const header = [...own.auth.grants.values()][0]?.header?.slice('Bearer '.length) ?? '';
      const other = client({ credentials: async () => ({ kind: 'registry-token', token: header }) });
      const asked = tokens.requests.length;
      await probeWrite(other, at(registry.host, 't-identity'));
      expect(tokens.requests).toHaveLength(asked);
      tokens.revokeAll();
      const error = await errorOf(probeWrite(other, at(registry.host, 't-identity')));
      expect(error.kind).toBe('unauthorized');
      expect(error.message).toContain('expired or revoked');
      expect(error.message).not.toContain(header);
    },
  );
});

test('a warning of a registry is passed on once, in one line, without secrets', async () => {
  const warnings: string[] = [];
  const own = client({ credentials: as(WRITER), onWarning: (line) => warnings.push(line) });
  const warning = '299 - "Your \\"image\\" is old: writer-password"';
  const heal = registry.faults.add({
    match: ({ path }) => path.includes('/warns/'),
    respond: ({ headers }, serve) => {
      const { status, body } = serve();
      if (headers.authorization === undefined)
        return ociError(401, 'UNAUTHORIZED', 'who?', { 'www-authenticate': 'Basic' });
      return { status, ...(body && { body }), headers: { warning } };
    },
  });
  for (let times = 0; times < 3; times++) await readTag(own, at(registry.host, 'warns/old'), LATEST);
  heal();
  expect(warnings).toEqual([`${registry.host} warns: Your "image" is old: [secret]`]);
});

test('a closed client fails its requests at once', async () => {
  const own = createRegistry({ waits: SHORT });
  await own.close();
  expect(await errorOf(readTag(own, at(registry.host, 'closed'), LATEST))).toMatchObject({
    kind: 'transient',
    code: 'UND_ERR_DESTROYED',
  });
});
