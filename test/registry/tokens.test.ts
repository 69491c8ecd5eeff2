import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { LATEST } from '../../src/contract/image.js';
import { getManifest } from '../../src/registry/get-manifest.js';
import { putTag } from '../../src/registry/put-tag.js';
import { readTag } from '../../src/registry/read-tag.js';
import { createRegistry } from '../../src/registry/registry.js';
import { tagDigest } from '../../testbed/images.js';
import { type MemoryRegistry, type Response, startMemoryRegistry } from '../../testbed/memory-registry.js';
import { ociError, type RegistryRequest } from '../../testbed/registry-store.js';
import { startTokenServer, type TokenServer } from '../../testbed/token-server.js';
import { putLatest } from './fault-table.js';
import { as, at, errorOf, READER, SHORT, twoBuilds, WRITER } from './support.js';

let registry: MemoryRegistry;
beforeAll(async () => {
  registry = await startMemoryRegistry();
});
afterAll(async () => {
  expect(registry.unforeseen).toEqual([]);
  await registry.stop();
});

describe('with a token server', () => {
  let tokens: TokenServer;
  beforeEach(async () => {
    tokens = await startTokenServer({ users: [WRITER, READER] });
    tokens.behavior.opaque = true;
    return tokens.stop;
  });
  /** Puts the registry behind the token server. Returns the function that removes it. */
  const guard = (name: string, first: (request: RegistryRequest) => Response | undefined = () => undefined) =>
    registry.faults.add({
      match: ({ path }) => path.includes(`/${name}/`),
      respond: (request, serve) => first(request) ?? tokens.refuse(request) ?? serve(),
    });
  const clientOf = (user: typeof WRITER) => createRegistry({ waits: SHORT, credentials: as(user), push: true });

  test('a token that is refused is renewed once', async () => {
    const { tag } = await twoBuilds(registry.host, 'renewed');
    const heal = guard('renewed');
    const own = clientOf(WRITER);
    const repository = at(registry.host, 'renewed');
    await readTag(own, repository, tag);
    tokens.revokeAll();
    expect(await readTag(own, repository, tag)).not.toBeNull();
    expect(tokens.requests).toHaveLength(2);
    await own.close();
    heal();
  });

  test('a PUT whose token has ended is sent again with its body', async () => {
    const { next, tag } = await twoBuilds(registry.host, 'resent');
    const heal = guard('resent');
    const own = clientOf(WRITER);
    const manifest = await getManifest(own, at(registry.host, 'resent'), tag);
    tokens.revokeAll();
    await putTag(own, manifest, LATEST);
    await own.close();
    heal();
    const puts = registry.requests
      .filter((request) => request.path.includes('/resent/') && putLatest(request))
      .slice(-2);
    expect(puts.map(({ status, body }) => [status, body.equals(manifest.bytes)])).toEqual([
      [401, true],
      [201, true],
    ]);
    expect(await tagDigest(registry.host, 'resent', 'latest')).toBe(next);
  });

  test('a second 401 is final, with the message of the registry', async () => {
    const { before, tag } = await twoBuilds(registry.host, 'final');
    const own = clientOf(WRITER);
    const challenge = { 'www-authenticate': `Bearer realm="${tokens.realm}",service="s",error="invalid_token"` };
    const heal = guard('final', (request) =>
      putLatest(request) ? ociError(401, 'UNAUTHORIZED', 'the token is no good', challenge) : undefined,
    );
    const manifest = await getManifest(own, at(registry.host, 'final'), tag);
    const error = await errorOf(putTag(own, manifest, LATEST));
    await own.close();
    heal();
    expect(error).toMatchObject({ kind: 'unauthorized', status: 401, code: 'UNAUTHORIZED' });
    expect(error.message).toContain('the token is no good (invalid_token) (the token is expired or revoked');
    expect(tokens.requests).toHaveLength(2);
    expect(await tagDigest(registry.host, 'final', 'latest')).toBe(before);
  });

  test('a user without push is denied, without the hint to log in', async () => {
    const { before, tag } = await twoBuilds(registry.host, 'reader');
    const heal = guard('reader');
    const own = clientOf(READER);
    const error = await errorOf(putTag(own, await getManifest(own, at(registry.host, 'reader'), tag), LATEST));
    await own.close();
    heal();
    expect(error).toMatchObject({ kind: 'denied', status: 401 });
    expect(error.message).toContain('get push access at 127.0.0.1');
    expect(await tagDigest(registry.host, 'reader', 'latest')).toBe(before);
  });

  test('a wrong password costs two requests to the token server, to write and to read, and its message is shown', async () => {
    const heal = guard('wrong');
    const own = clientOf({ ...WRITER, password: 'guessed-wrong' });
    const error = await errorOf(readTag(own, at(registry.host, 'wrong'), LATEST));
    await own.close();
    heal();
    expect(error).toMatchObject({ kind: 'unauthorized', status: 401 });
    expect(error.message).toMatch(/GET http:\/\/localhost:\d+\/token: status 401 UNAUTHORIZED: incorrect username/);
    expect(tokens.requests).toHaveLength(2);
  });

  test.each([
    ['404', { status: 404, headers: {} }, 'rejected', 1],
    ['503', { status: 503, headers: {} }, 'transient', 3],
    ['200 and a page', { status: 200, headers: {}, body: Buffer.from('<html>log in</html>') }, 'rejected', 1],
    ['200 and no token', { status: 200, headers: {}, body: Buffer.from('{}') }, 'rejected', 1],
    [
      '200 and a token with a line end',
      { status: 200, headers: {}, body: Buffer.from('{"token":"a\\r\\nx: y"}') },
      'rejected',
      1,
    ],
    ['a redirect to itself', { status: 302, headers: { location: '/token' } }, 'rejected', 11],
  ] as const)('a token server that answers %s is not read as a missing tag', async (_what, answer, kind, asked) => {
    const heal = guard('server');
    tokens.behavior.respond = () => answer;
    const own = clientOf(WRITER);
    const error = await errorOf(readTag(own, at(registry.host, 'server'), LATEST));
    await own.close();
    heal();
    expect(error.kind).toBe(kind);
    expect(tokens.requests).toHaveLength(asked);
  });
});
