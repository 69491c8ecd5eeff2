import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { LATEST, type Tag } from '../../src/contract/image.js';
import type { CredentialSource, Registry } from '../../src/registry/context.js';
import { getManifest } from '../../src/registry/get-manifest.js';
import { probeWrite } from '../../src/registry/probe-write.js';
import { putTag } from '../../src/registry/put-tag.js';
import { readTag } from '../../src/registry/read-tag.js';
import { createRegistry } from '../../src/registry/registry.js';
import { requireChildren } from '../../src/registry/require-children.js';
import { tagDigest } from '../../testbed/images.js';
import { type RegistryServer, startRegistry } from '../../testbed/registry-server.js';
import { startTokenServer, type TokenServer } from '../../testbed/token-server.js';
import { tool } from '../../testbed/tools.js';
import { lacks } from '../support/needs.js';
import { as, at, errorOf, move, publish, READER, SHORT, WRITER } from './support.js';

/** bcrypt, cost 4, of the passwords in support.ts, by: perl -e 'print crypt("writer-password", q($2b$04$canaryreleasegatetestbu))' */
const HTPASSWD = [
  'writer:$2b$04$canaryreleasegatetestOXJGVBC9hru.Y0YnuVnUBeOkNn9.JQPG',
  'reader:$2b$04$canaryreleasegatetestOfq2iPumixNYkcutokwu44sCYn75inZe',
];
const notOnDisk = lacks('a real registry') || tool('registry')?.image !== undefined;

describe.skipIf(notOnDisk)('distribution', () => {
  /** Open registry over the same storage: it seeds the images, and reports where tags point. */
  let open: RegistryServer;
  let tokens: TokenServer;
  const hosts = new Map<string, RegistryServer>();
  const clients: Registry[] = [];
  const client = (credentials?: CredentialSource, push = true) => {
    const made = createRegistry({
      waits: { ...SHORT, requestMs: 5_000, silenceMs: 5_000, totalMs: 10_000 },
      push,
      ...(credentials && { credentials }),
    });
    clients.push(made);
    return made;
  };
  const host = (mode: string) => hosts.get(mode)?.host ?? '';

  beforeAll(async () => {
    open = await startRegistry();
    tokens = await startTokenServer({ users: [WRITER, READER] });
    hosts.set('anonymous', open);
    hosts.set('htpasswd', await startRegistry({ auth: { kind: 'htpasswd', users: HTPASSWD }, storageOf: open }));
    hosts.set('bearer', await startRegistry({ auth: tokens.auth, storageOf: open }));
  });
  afterAll(async () => {
    await Promise.all(clients.map((one) => one.close()));
    await hosts.get('htpasswd')?.stop();
    await hosts.get('bearer')?.stop();
    await open.stop();
    await tokens.stop();
  });

  describe.each(['anonymous', 'htpasswd', 'bearer'])('%s', (mode) => {
    test.each(['oci', 'docker'] as const)(
      'an index of %s images is read, checked, moved and read back',
      async (kind) => {
        const registry = client(as(WRITER));
        const name = `truth/${mode}-${kind}`;
        const [build] = await publish(open.host, [name], kind);
        const repository = at(host(mode), name);
        const manifest = await getManifest(registry, repository, build?.digest as never);
        expect(manifest).toMatchObject({ digest: build?.digest, children: build?.children });
        await requireChildren(registry, manifest);
        await probeWrite(registry, repository);
        expect(await readTag(registry, repository, LATEST)).toBeNull();
        await putTag(registry, manifest, LATEST);
        expect(await readTag(registry, repository, LATEST)).toBe(build?.digest);
        expect(await tagDigest(open.host, name, 'latest')).toBe(build?.digest);
      },
    );

    test('a missing child is named, and nothing is moved', async () => {
      const registry = client(as(WRITER));
      const name = `truth/gone-${mode}`;
      const [build] = await publish(open.host, [name]);
      const [child = ''] = build?.children ?? [];
      const manifest = await getManifest(registry, at(host(mode), name), build?.digest as never);
      await fetch(`http://${open.host}/v2/${name}/manifests/${child}`, { method: 'DELETE' });
      const error = await errorOf(requireChildren(registry, manifest));
      expect(error.kind).toBe('not-found');
      expect(error.message).toContain(child);
      expect(error.message).toContain('1 of its 2');
      expect(await errorOf(putTag(registry, manifest, LATEST))).toMatchObject({
        kind: 'rejected',
        code: 'MANIFEST_BLOB_UNKNOWN',
      });
      expect(await tagDigest(open.host, name, 'latest')).toBeUndefined();
    });
  });

  const refusals: [string, string, CredentialSource | undefined, string, string][] = [
    ['htpasswd without credentials', 'htpasswd', undefined, 'unauthorized', 'no credentials for'],
    [
      'htpasswd with a wrong password',
      'htpasswd',
      as({ name: 'writer', password: 'guess' }),
      'unauthorized',
      'wrong or expired',
    ],
    ['bearer without credentials', 'bearer', undefined, 'unauthorized', 'no credentials for'],
    [
      'bearer with a wrong password',
      'bearer',
      as({ name: 'writer', password: 'guess' }),
      'unauthorized',
      'incorrect username or password',
    ],
  ];
  test.each(refusals)('%s is an error after few requests', async (_what, mode, credentials, kind, words) => {
    const registry = client(credentials);
    const before = tokens.requests.length;
    const name = 'truth/refused';
    const error = await errorOf(readTag(registry, at(host(mode), name), LATEST));
    expect(error.kind).toBe(kind);
    expect(error.message).toContain(words);
    expect(error.message).not.toContain('guess');
    // For both rights, then to read alone.
    expect(tokens.requests.length - before).toBeLessThanOrEqual(2);
    const log = (await hosts.get(mode)?.accessLog()) ?? [];
    expect(log.filter(({ path }) => path.includes(name)).length).toBeLessThanOrEqual(4);
  });

  test('bearer, a user without push reads, and is denied at the probe and at the PUT', async () => {
    const name = 'truth/reader';
    const [build] = await publish(open.host, [name]);
    const repository = at(host('bearer'), name);
    const registry = client(as(READER));
    const manifest = await getManifest(registry, repository, build?.digest as never);
    for (const write of [() => probeWrite(registry, repository), () => putTag(registry, manifest, LATEST)]) {
      const error = await errorOf(write());
      expect(error).toMatchObject({ kind: 'denied', status: 401, code: 'UNAUTHORIZED' });
      expect(error.message).toMatch(/insufficient_scope.*get push access at /);
    }
    expect(await tagDigest(open.host, name, 'latest')).toBeUndefined();
  });

  test('bearer, an identity token is exchanged by POST, or by GET if the server does not support POST', async () => {
    const [build] = await publish(open.host, ['truth/identity']);
    for (const noPost of [false, true]) {
      tokens.behavior.noPost = noPost;
      const registry = client(async () => ({ kind: 'identity-token', token: 'writer-identity' }));
      await putTag(
        registry,
        await getManifest(registry, at(host('bearer'), 'truth/identity'), build?.digest as never),
        `by-${noPost}` as Tag,
      );
      expect(await tagDigest(open.host, 'truth/identity', `by-${noPost}`)).toBe(build?.digest);
    }
    tokens.behavior.noPost = false;
  });

  test('bearer, a token that ends during a move is renewed, and the PUT sent again with its body', async () => {
    const name = 'truth/expiry';
    const [build] = await publish(open.host, [name]);
    const registry = client(as(WRITER));
    const repository = at(host('bearer'), name);
    const manifest = await getManifest(registry, repository, build?.digest as never);
    // distribution allows 60 s of leeway, so the token must be that much older than its end.
    tokens.behavior.ttlS = -61;
    registry.auth.grants.clear();
    const stale = await errorOf(readTag(registry, repository, LATEST));
    expect(stale).toMatchObject({ kind: 'unauthorized', status: 401 });
    expect(stale.message).toContain('invalid_token');
    // As if it had been valid when it was issued.
    const [grant] = registry.auth.grants.values();
    if (grant) grant.expiresAt = performance.now() + 60_000;
    tokens.behavior.ttlS = 300;
    let sent = 0;
    await putTag(registry, manifest, LATEST, {
      beforeSend: () => {
        sent += 1;
      },
    });
    expect(sent).toBe(2);
    expect(await tagDigest(open.host, name, 'latest')).toBe(build?.digest);
  });

  describe('requests for moving two images', () => {
    const NAMES = ['pair/platform', 'pair/platform-tenant'];
    const registryRequests = async (mode: string) => ((await hosts.get(mode)?.accessLog()) ?? []).length;

    test.each([
      // The first 404 asks /v2/ whether a login would show more.
      ['anonymous', 9, 0],
      ['htpasswd', 9, 0],
      ['bearer', 9, 2],
    ])('%s: cold %i and %i for tokens, warm 8', async (mode, cold, coldTokens) => {
      const registry = client(as(WRITER));
      const builds = [
        await publish(open.host, NAMES),
        await publish(open.host, NAMES),
        await publish(open.host, NAMES),
      ];
      const counts: [number, number][] = [];
      for (const build of builds) {
        const before = [await registryRequests(mode), tokens.requests.length] as const;
        const targets = build.map(({ digest }, index) => ({
          repository: at(host(mode), NAMES[index] ?? ''),
          to: digest,
        }));
        expect(await move(registry, targets)).toEqual(build.map(({ digest }) => digest));
        counts.push([(await registryRequests(mode)) - before[0], tokens.requests.length - before[1]]);
      }
      expect(counts).toEqual([
        [cold, coldTokens],
        [8, 0],
        [8, 0],
      ]);
    });
  });

  describe.skipIf(lacks('crane'))('crane as the witness', () => {
    let config: string;
    beforeAll(() => {
      config = mkdtempSync(join(tmpdir(), 'canary-crane-'));
      const auth = Buffer.from('writer:writer-password').toString('base64');
      const auths = Object.fromEntries([...hosts.values()].map((one) => [one.host, { auth }]));
      writeFileSync(join(config, 'config.json'), JSON.stringify({ auths }));
    });
    afterAll(() => rmSync(config, { recursive: true, force: true }));
    const crane = async (...args: string[]) =>
      (
        await promisify(execFile)(tool('crane')?.path ?? 'crane', args, {
          env: { ...process.env, DOCKER_CONFIG: config },
        })
      ).stdout.trim();

    test.each(['anonymous', 'htpasswd', 'bearer'])('%s: crane and this client leave the same state', async (mode) => {
      const name = `witness/${mode}`;
      const repository = at(host(mode), name);
      const registry = client(as(WRITER));
      const [one] = await publish(open.host, [name]);
      const [two] = await publish(open.host, [name], 'docker');
      for (const build of [one, two, one]) {
        const digest = build?.digest ?? '';
        await crane('tag', `${repository}@${digest}`, 'by-crane');
        await putTag(registry, await getManifest(registry, repository, digest as never), 'by-us' as Tag);
        for (const tag of ['by-us', 'by-crane']) {
          expect(await crane('digest', `${repository}:${tag}`)).toBe(digest);
          expect(await readTag(registry, repository, tag as Tag)).toBe(digest);
        }
        expect(await crane('manifest', `${repository}:by-us`)).toBe(await crane('manifest', `${repository}:by-crane`));
      }
    });
  });
});
