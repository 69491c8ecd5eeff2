import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { LATEST, type Repository, type Tag } from '../../src/contract/image.js';
import type { Registry } from '../../src/registry/context.js';
import { getManifest } from '../../src/registry/get-manifest.js';
import { listTags } from '../../src/registry/list-tags.js';
import { putTag } from '../../src/registry/put-tag.js';
import { readTag } from '../../src/registry/read-tag.js';
import { createRegistry } from '../../src/registry/registry.js';
import { requireChildren } from '../../src/registry/require-children.js';
import type { RegistryError } from '../../src/registry/transport/errors.js';
import { tagDigest } from '../../testbed/images.js';
import { type MemoryRegistry, startMemoryRegistry } from '../../testbed/memory-registry.js';
import { ociError } from '../../testbed/registry-store.js';
import { getStaging, putLatest, ROWS, tooMany, withHeaders } from './section-4.js';
import { at, errorOf, SHORT, twoBuilds } from './support.js';

let registry: MemoryRegistry;
let client: Registry;
beforeAll(async () => {
  registry = await startMemoryRegistry();
  client = createRegistry({ waits: SHORT });
});
afterAll(async () => {
  await client.close();
  expect(registry.unforeseen).toEqual([]);
  await registry.stop();
});

/** As the mover does it: everything is looked at first; a PUT without an answer is looked for before it is sent again. */
async function retagLatest(of: Registry, repository: Repository, tag: Tag): Promise<void> {
  const manifest = await getManifest(of, repository, tag);
  await requireChildren(of, manifest);
  await readTag(of, repository, LATEST);
  for (let tries = 1; ; tries++) {
    try {
      return await putTag(of, manifest, LATEST);
    } catch (error) {
      if ((error as RegistryError).kind !== 'transient' || tries === 3) throw error;
      if ((await readTag(of, repository, LATEST)) === manifest.digest) return;
    }
  }
}

describe('registry.md section 4', () => {
  test.each(ROWS.map((row, index) => ({ ...row, name: `row/${index}` })))('$fault: $ends', async (row) => {
    const { before, next, tag } = await twoBuilds(registry.host, row.name);
    let asked = 0;
    const heal = registry.faults.add({
      match: (request) => request.path.includes(`/${row.name}/`) && row.when(request),
      respond: (request, serve) => {
        asked += 1;
        return row.answer(serve, asked, request);
      },
    });
    const started = performance.now();
    const outcome = await retagLatest(client, at(registry.host, row.name), tag).then(
      () => 'moved' as const,
      (error: RegistryError) => error,
    );
    heal();
    expect(outcome === 'moved' ? outcome : outcome.kind, String(outcome)).toBe(row.ends);
    if (outcome !== 'moved') {
      expect(outcome.message).toMatch(row.says ?? /./);
      expect(outcome.message).not.toMatch(/\n/);
      expect(outcome.retryAfterMs).toBe(row.retryAfterMs);
      // A wait that is too long for us is not even begun.
      if (row.retryAfterMs) expect(performance.now() - started).toBeLessThan(SHORT.totalMs / 2);
    }
    expect(asked).toBe(row.asked);
    const stands = row.latest ?? (row.ends === 'moved' ? 'moved' : 'as before');
    expect(await tagDigest(registry.host, row.name, 'latest')).toBe(stands === 'moved' ? next : before);
  });

  test.each([
    [1, 'taken from the second answer'],
    [9, 'refused'],
  ])('by digest, other bytes under its name %i times, with a digest that fits them: %s', async (times) => {
    const { before, next } = await twoBuilds(registry.host, `named-${times}`);
    const repository = at(registry.host, `named-${times}`);
    const other = await getManifest(client, repository, before);
    let asked = 0;
    const heal = registry.faults.add({
      match: ({ path }) => path.endsWith(next),
      respond: (_, serve) => {
        asked += 1;
        if (asked > times) return serve();
        return withHeaders({ ...serve(), body: Buffer.from(other.bytes) }, { 'docker-content-digest': before });
      },
    });
    const outcome = await getManifest(client, repository, next).catch((error: RegistryError) => error);
    heal();
    expect(asked).toBe(2);
    expect(outcome).toMatchObject(times === 1 ? { digest: next } : { kind: 'integrity' });
    expect(client.manifests.get(repository, next)).toBe(times === 1 ? outcome : undefined);
  });

  test('a pause that the registry asked for is kept', async () => {
    const { tag } = await twoBuilds(registry.host, 'pause');
    registry.faults.add({
      match: (request) => request.path.includes('/pause/') && getStaging(request),
      times: 1,
      respond: () => tooMany({ 'retry-after': '1' }),
    });
    const started = performance.now();
    await getManifest(client, at(registry.host, 'pause'), tag);
    expect(performance.now() - started).toBeGreaterThanOrEqual(990);
  });

  test('412 after an If-Match of ours is a conflict, and without one it is not', async () => {
    const { before, tag } = await twoBuilds(registry.host, 'if-match');
    const repository = at(registry.host, 'if-match');
    const manifest = await getManifest(client, repository, tag);
    const sent: (string | undefined)[] = [];
    const heal = registry.faults.add({
      match: putLatest,
      respond: ({ headers }) => {
        sent.push(headers['if-match']);
        return ociError(412, 'PRECONDITION_FAILED', 'no');
      },
    });
    expect(await readTag(client, repository, LATEST)).toBe(before);
    const kinds = [];
    for (const expected of [manifest.digest, before, undefined])
      kinds.push((await errorOf(putTag(client, manifest, LATEST, { ...(expected && { expected }) }))).kind);
    heal();
    expect(kinds).toEqual(['rejected', 'conflict', 'rejected']);
    expect(sent).toEqual([undefined, `"${before}"`, undefined]);
  });

  test('a Link to the address that clouds keep their secrets at is refused', async () => {
    await twoBuilds(registry.host, 'link');
    registry.faults.add({
      match: ({ path }) => path.endsWith('/link/tags/list'),
      respond: (_, serve) =>
        withHeaders(serve(), { link: '<http://169.254.169.254/latest/meta-data?n=1000>; rel="next"' }),
    });
    const error = await errorOf(listTags(client, at(registry.host, 'link')));
    expect(error).toMatchObject({ kind: 'rejected', message: expect.stringContaining('at 169.254.169.254: refused') });
  });

  test('tags: a page that brings nothing new is the last, whatever it says', async () => {
    await twoBuilds(registry.host, 'pages');
    const link = { link: '</v2/pages/tags/list?n=1000>; rel="next"' };
    const heal = registry.faults.add({
      match: ({ path }) => path.endsWith('/pages/tags/list'),
      respond: (_, serve) => withHeaders(serve(), link),
    });
    expect(await listTags(client, at(registry.host, 'pages'))).toHaveLength(3);
    heal();
    const listed = registry.requests.filter(({ path }) => path.endsWith('/pages/tags/list'));
    expect(listed).toHaveLength(3);
  });

  test('tags without end are given up', async () => {
    let page = 0;
    registry.faults.add({
      match: ({ path }) => path.endsWith('/endless/tags/list'),
      respond: () => {
        page += 1;
        const body = Buffer.from(JSON.stringify({ tags: [`t${page}`] }));
        return { status: 200, headers: { link: `<?last=t${page}>; rel="next"` }, body };
      },
    });
    expect((await errorOf(listTags(client, at(registry.host, 'endless')))).message).toContain('more than 100 pages');
  });
});
