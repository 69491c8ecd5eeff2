import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { LATEST, type Repository, type Tag } from '../../src/contract/image.js';
import type { CredentialSource, Registry } from '../../src/registry/context.js';
import { getManifest } from '../../src/registry/get-manifest.js';
import { probeWrite } from '../../src/registry/probe-write.js';
import { putTag } from '../../src/registry/put-tag.js';
import { readTag } from '../../src/registry/read-tag.js';
import { createRegistry, type RegistryOptions } from '../../src/registry/registry.js';
import { type MemoryRegistry, startMemoryRegistry } from '../../testbed/memory-registry.js';
import { type Answer, ociError, type RegistryRequest } from '../../testbed/registry-store.js';
import { startTokenServer, type TokenServer } from '../../testbed/token-server.js';
import { as, at, errorOf, publish, SHORT, WRITER } from './support.js';

let registry: MemoryRegistry;
let tokens: TokenServer;
let repository: Repository;
let tag: Tag;
beforeAll(async () => {
  registry = await startMemoryRegistry();
  tokens = await startTokenServer({ users: [WRITER] });
  tokens.behavior.opaque = true;
  repository = at(registry.host, 'guarded');
  tag = (await publish(registry.host, ['guarded']))[0]?.tag as Tag;
});
afterAll(async () => {
  expect(registry.unforeseen).toEqual([]);
  await Promise.all([registry.stop(), tokens.stop()]);
});
const ends: (() => unknown)[] = [];
afterEach(async () => {
  tokens.behavior.respond = undefined;
  for (const end of ends.splice(0)) await end();
});
const client = (options: RegistryOptions = {}): Registry => {
  const made = createRegistry({ waits: SHORT, credentials: as(WRITER), push: true, ...options });
  ends.push(() => made.close());
  return made;
};
/** Answers what a login refuses; undefined lets the request pass. */
const guard = (refuse: (request: RegistryRequest) => Answer | undefined) =>
  ends.push(registry.faults.add({ match: () => true, respond: (request, serve) => refuse(request) ?? serve() }));

const BASIC = `Basic ${Buffer.from(`${WRITER.name}:${WRITER.password}`).toString('base64')}`;
const hasBasic = ({ headers }: RegistryRequest) => headers.authorization === BASIC;
const challenged = (challenges: string | string[] | undefined): Answer =>
  ({
    status: 401,
    headers: challenges === undefined ? {} : { 'www-authenticate': challenges },
  }) as unknown as Answer;
const bearer = () => `Bearer realm="${tokens.realm}",service="test-bed-registry"`;
const BASIC_CHALLENGE = 'Basic realm="registry"';

describe('a registry that challenges', () => {
  test.each<[string, () => string | string[]]>([
    ['by Bearer alone', () => bearer()],
    ['by Basic before Bearer, in one header', () => `${BASIC_CHALLENGE}, ${bearer()}`],
    ['by Basic before Bearer, in two headers', () => [BASIC_CHALLENGE, bearer()]],
    ['by Bearer before Basic', () => [bearer(), BASIC_CHALLENGE]],
    ['by schemes that are not known, and Bearer', () => ['Negotiate', 'Digest realm="x", nonce="a,b"', bearer()]],
    ['by a Bearer without a realm, and one with it', () => ['Bearer scope="x"', bearer()]],
    ['in small letters without quotes', () => `bearer realm=${tokens.realm},service=test-bed-registry`],
  ])('%s: a token is got', async (_how, challenges) => {
    guard((request) => tokens.refuse(request) && challenged(challenges()));
    expect(await readTag(client(), repository, tag)).not.toBeNull();
  });

  test.each<[string, () => string | string[] | undefined]>([
    ['by Basic', () => BASIC_CHALLENGE],
    ['by Bearer and Basic, and takes Basic alone', () => [bearer(), BASIC_CHALLENGE]],
    ['by Negotiate alone', () => 'Negotiate'],
    ['by nothing: a proxy strips the header', () => undefined],
  ])('%s: the login on file is sent', async (_how, challenges) => {
    guard((request) => (hasBasic(request) ? undefined : challenged(challenges())));
    expect(await readTag(client(), repository, tag)).not.toBeNull();
  });

  test('by Bearer and Basic, where the token server refuses: Basic is tried, and found again after it was refused once', async () => {
    tokens.behavior.respond = () => ociError(401, 'UNAUTHORIZED', 'not here');
    let isDown = false;
    guard((request) => (hasBasic(request) && !isDown ? undefined : challenged([bearer(), BASIC_CHALLENGE])));
    const own = client();
    expect(await readTag(own, repository, tag)).not.toBeNull();
    isDown = true;
    expect((await errorOf(readTag(own, repository, tag))).kind).toBe('unauthorized');
    isDown = false;
    expect(await readTag(own, repository, tag)).not.toBeNull();
    // A token server that is there again serves another client of the same process.
    tokens.behavior.respond = undefined;
    expect(await readTag(own, at(registry.host, 'guarded'), tag)).not.toBeNull();
  });

  test('by nothing, without a login on file: that is said, after one request and one to /v2/', async () => {
    guard(() => challenged(undefined));
    const before = registry.requests.length;
    const error = await errorOf(readTag(client({ credentials: async () => null }), repository, tag));
    expect(error.message).toContain('no credentials for 127.0.0.1');
    expect(registry.requests.slice(before).map(({ path }) => path)).toEqual([`/v2/guarded/manifests/${tag}`, '/v2/']);
  });

  const isPing = ({ path }: RegistryRequest) => path === '/v2/';
  test.each<[string, Answer]>([
    ['hides what it has by 404', ociError(404, 'MANIFEST_UNKNOWN', 'not found')],
    ['refuses by 403', { status: 403, headers: {} }],
    ['refuses by 401 without a challenge', { status: 401, headers: {} }],
  ])('by Basic at /v2/ alone, and %s: the login on file is sent', async (_how, hidden) => {
    guard((request) => (hasBasic(request) ? undefined : isPing(request) ? challenged(BASIC_CHALLENGE) : hidden));
    expect(await readTag(client(), repository, tag)).not.toBeNull();
  });

  test('by Bearer at /v2/ alone: a token is got', async () => {
    guard((request) => {
      if (isPing(request)) return challenged(bearer());
      return tokens.refuse(request) && ociError(404, 'MANIFEST_UNKNOWN', 'not found');
    });
    expect(await readTag(client(), repository, tag)).not.toBeNull();
  });

  test('by Basic at /v2/ alone, after reads that need no login: a write sends the login on file', async () => {
    guard((request) => {
      if (hasBasic(request) || request.method === 'GET')
        return isPing(request) ? challenged(BASIC_CHALLENGE) : undefined;
      return { status: 403, headers: {} };
    });
    const own = client();
    const manifest = await getManifest(own, repository, tag);
    await putTag(own, manifest, LATEST);
    expect(await readTag(own, repository, LATEST)).toBe(manifest.digest);
  });

  test('at /v2/ in an outage: a 404 does not count as a missing tag', async () => {
    guard((request) => (isPing(request) ? { status: 503, headers: {} } : ociError(404, 'MANIFEST_UNKNOWN', 'no')));
    expect((await errorOf(readTag(client(), repository, tag))).kind).toBe('transient');
  });

  test('by nothing: /v2/ is asked once', async () => {
    const own = client();
    const before = registry.requests.length;
    for (const missing of ['one', 'two', 'three']) expect(await readTag(own, repository, missing as Tag)).toBeNull();
    expect(registry.requests.slice(before).filter(isPing).length).toBe(1);
  });

  test('by nothing, with a login that cannot be sent so: it is not said that there is none', async () => {
    guard(() => challenged(undefined));
    const credentials: CredentialSource = async () => ({ kind: 'identity-token', token: 'an-identity' });
    const error = await errorOf(readTag(client({ credentials }), repository, tag));
    expect(error.message).toContain('are wrong or expired');
  });

  test('by a realm relative to itself: the token is asked there', async () => {
    const seen: string[] = [];
    guard((request) => {
      if (request.path !== '/v2/token') return tokens.refuse(request) && challenged('Bearer realm="/v2/token"');
      seen.push(`${request.path} ${request.query.get('scope')}`);
      return { status: 307, headers: { location: `${tokens.realm}?${request.query}` } };
    });
    const own = client({ credentials: async () => null });
    const error = await errorOf(readTag(own, repository, tag));
    expect(seen[0]).toBe('/v2/token repository:guarded:pull,push');
    expect(error.message).toContain('/v2/token: status 401');
  });
});

describe('a token answer', () => {
  /** The answer as the server would give it, with other fields. */
  const answering = (fields: Record<string, unknown>) => {
    guard((request) => (request.headers.authorization === 'Bearer the-token' ? undefined : challenged(bearer())));
    tokens.behavior.respond = () => ({ status: 200, headers: {}, body: Buffer.from(JSON.stringify(fields)) });
  };

  test.each([
    ['with nulls', { token: 'the-token', access_token: null, expires_in: null, issued_at: null, refresh_token: null }],
    ['with texts for numbers', { token: 'the-token', expires_in: '300', issued_at: 'yesterday' }],
    ['with numbers for texts', { access_token: 'the-token', token: 7, expires_in: 300.5, issued_at: 1_700_000_000 }],
    ['with objects', { token: 'the-token', expires_in: {}, issued_at: [], scope: 7 }],
    ['with an empty first field', { token: 'the-token', access_token: '' }],
  ])('%s gives its token', async (_what, fields) => {
    answering(fields);
    expect(await readTag(client(), repository, tag)).not.toBeNull();
  });

  test.each([
    ['without a token', { expires_in: 300 }],
    ['with null for a token', { token: null }],
  ])('%s is refused', async (_what, fields) => {
    answering(fields);
    expect((await errorOf(readTag(client(), repository, tag))).message).toContain('the answer has no token');
  });
});

describe('a login that may read alone', () => {
  test.each([401, 403])('and whose token server answers %i to pull,push: pull is asked for, once', async (status) => {
    const asked: string[] = [];
    tokens.behavior.respond = ({ scopes }) => {
      asked.push(...scopes);
      return scopes.some((scope) => scope.includes('push')) ? ociError(status, 'DENIED', 'not to write') : undefined;
    };
    guard((request) => tokens.refuse(request));
    const own = client();
    const manifest = await getManifest(own, repository, tag);
    await readTag(own, repository, tag);
    expect(asked).toEqual(['repository:guarded:pull,push', 'repository:guarded:pull']);
    // A write asks for it again: the right may have been given meanwhile.
    expect((await errorOf(probeWrite(own, repository))).message).toContain('DENIED: not to write');
    tokens.behavior.respond = undefined;
    await putTag(own, manifest, LATEST);
  });
});

describe('a login that has expired', () => {
  test.each([401, 403])('and is renewed on file is used at once, after a %i', async (status) => {
    let valid = 'first-password';
    guard(({ headers }) => {
      const header = `Basic ${Buffer.from(`AWS:${valid}`).toString('base64')}`;
      if (headers.authorization === header) return undefined;
      if (headers.authorization === undefined) return challenged(BASIC_CHALLENGE);
      return ociError(status, 'DENIED', 'Your authorization token has expired. Reauthenticate and try again.');
    });
    let filed = valid;
    const own = client({ credentials: async () => ({ kind: 'basic', username: 'AWS', password: filed }) });
    const manifest = await getManifest(own, repository, tag);
    valid = 'second-password';
    // Not renewed yet: refused, and looked up again by the next request.
    expect((await errorOf(readTag(own, repository, tag))).message).toContain('is expired or revoked: create a new one');
    filed = valid;
    expect(await readTag(own, repository, tag)).toBe(manifest.digest);
    await putTag(own, manifest, LATEST);
  });

  test('or a right that is missing costs no more requests while the login on file is the same', async () => {
    guard((request) => {
      if (!hasBasic(request)) return challenged(BASIC_CHALLENGE);
      return request.method === 'PUT' ? ociError(403, 'DENIED', 'no push access') : undefined;
    });
    const own = client();
    const manifest = await getManifest(own, repository, tag);
    const before = registry.requests.length;
    expect((await errorOf(putTag(own, manifest, LATEST))).kind).toBe('denied');
    expect(registry.requests.length - before).toBe(1);
  });
});
