import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { parseRepository, type Repository } from '../../src/contract/image.js';
import { parseSha } from '../../src/contract/sha.js';
import type { Registry } from '../../src/registry/context.js';
import { listTags } from '../../src/registry/list-tags.js';
import { readLatest } from '../../src/registry/read-latest.js';
import { createRegistry } from '../../src/registry/registry.js';
import { pushBuild, retag } from '../../testbed/images.js';
import { type MemoryRegistry, startMemoryRegistry } from '../../testbed/memory-registry.js';
import { ociError } from '../../testbed/registry-store.js';
import { newSha } from '../support/shas.js';
import { SHORT } from './support.js';

let server: MemoryRegistry;
let registry: Registry;
let round = 0;
let names: [string, string];
let repositories: [Repository, Repository];
beforeAll(async () => {
  server = await startMemoryRegistry();
});
afterAll(() => server.stop());
beforeEach(() => {
  registry = createRegistry({ waits: SHORT });
  round += 1;
  names = [`app-${round}`, `app-tenant-${round}`];
  repositories = names.map((name) => parseRepository(`${server.host}/${name}`)) as typeof repositories;
});
afterEach(() => registry.close());

const short = (letter: string) => letter.repeat(7);
/** Pushes an image whose label names no commit, under the tag of a build. */
const push = (repository: string, letter: string) =>
  pushBuild({ registry: server.host, repository, tag: `staging-${short(letter)}`, sha: `content ${letter}` });
const tag = (repository: string, from: string, to: string) => retag({ registry: server.host, repository, from, to });
const latestAt = (letter: string) => Promise.all(names.map((name) => tag(name, `staging-${short(letter)}`, 'latest')));

describe('readLatest names the build', () => {
  test('that every label names, whatever the tags are', async () => {
    const sha = newSha();
    for (const repository of names) await pushBuild({ registry: server.host, repository, tag: 'latest', sha });
    expect(await readLatest(registry, repositories)).toMatchObject({ sha, why: null });
  });

  test('whose tag is at every image, without a label', async () => {
    for (const name of names) for (const letter of ['a', 'b', 'c']) await push(name, letter);
    await latestAt('b');
    expect(await readLatest(registry, repositories)).toMatchObject({ sha: parseSha(short('b')), why: null });
  });

  test('by digests and not by what a HEAD says', async () => {
    for (const name of names) for (const letter of ['a', 'b']) await push(name, letter);
    const [digest] = await latestAt('b');
    const heal = server.faults.add({
      match: ({ method, path }) => method === 'HEAD' && path.endsWith(short('a')),
      respond: (_request, serve) => ({ ...serve(), headers: { 'docker-content-digest': digest ?? '' } }),
    });
    expect(await readLatest(registry, repositories)).toMatchObject({ sha: parseSha(short('b')) });
    heal();
  });

  test('never, if the tag of one image is elsewhere, or two builds are the same', async () => {
    for (const name of names) for (const letter of ['a', 'b']) await push(name, letter);
    await tag(names[0], 'staging-aaaaaaa', 'latest');
    await tag(names[1], 'staging-bbbbbbb', 'latest');
    expect(await readLatest(registry, repositories)).toMatchObject({ sha: null, why: null });
    await latestAt('a');
    for (const name of names) await tag(name, 'staging-aaaaaaa', 'staging-ccccccc');
    expect(await readLatest(registry, repositories)).toMatchObject({
      sha: null,
      why: 'it is more than one build: aaaaaaa, ccccccc',
    });
  });

  test('and says which optional image is of an earlier one', async () => {
    const sha = newSha();
    await pushBuild({ registry: server.host, repository: names[0], tag: 'latest', sha });
    await pushBuild({ registry: server.host, repository: names[1], tag: 'latest', sha: newSha() });
    expect(await readLatest(registry, repositories, [repositories[1]])).toMatchObject({
      sha,
      images: [{ repository: repositories[0] }, { repository: repositories[1], unchanged: true }],
    });
    expect((await readLatest(registry, repositories)).sha).toBeNull();
  });

  test('not, and says why, if the tags cannot be listed', async () => {
    for (const name of names) await push(name, 'a');
    await latestAt('a');
    const heal = server.faults.add({
      match: ({ path }) => path.endsWith('/tags/list'),
      respond: () => ociError(403, 'DENIED', 'no'),
    });
    const { sha, why } = await readLatest(registry, repositories);
    expect(sha).toBeNull();
    expect(why).toMatch(/^the tags of builds could not be read: GET .*DENIED/);
    heal();
  });
});

describe('listTags', () => {
  const pages = (respond: (last: string | null) => { tags: unknown; link?: string }) =>
    server.faults.add({
      match: ({ path }) => path.endsWith('/tags/list'),
      respond({ query }) {
        const { tags, link } = respond(query.get('last'));
        return { status: 200, headers: { ...(link && { link }) }, body: Buffer.from(JSON.stringify({ tags })) };
      },
    });
  const list = () => listTags(registry, repositories[0]);

  test('follows its pages to the end', async () => {
    const heal = pages((last) =>
      last === null ? { tags: ['a', 'b'], link: '</v2/x/tags/list?last=b>; rel="next"' } : { tags: ['c', '-no-tag'] },
    );
    expect(await list()).toEqual({ tags: ['a', 'b', 'c'], isWhole: true });
    heal();
  });

  test('ends at a page that brings nothing new, and after 20 pages', async () => {
    const heal = pages(() => ({ tags: ['a'], link: '<?last=a>; rel="next"' }));
    expect(await list()).toEqual({ tags: ['a'], isWhole: true });
    heal();
    let page = 0;
    const endless = pages(() => ({ tags: [`t${page++}`], link: `<?last=${page}>; rel="next"` }));
    expect(await list()).toMatchObject({ isWhole: false });
    expect(page).toBe(20);
    endless();
  });

  test.each([
    ['another host', '<http://169.254.169.254/latest/meta-data>; rel="next"'],
    ['no address', '<http://[>; rel="next"'],
  ])('follows no page at %s', async (_what, link) => {
    const heal = pages(() => ({ tags: ['a'], link }));
    await expect(list()).rejects.toThrow('its next page is at another host, or nowhere');
    heal();
  });

  test('refuses what is no list, and takes a list of none', async () => {
    const heal = pages(() => ({ tags: 'a' }));
    await expect(list()).rejects.toThrow('not a list of tags');
    heal();
    const none = pages(() => ({ tags: null }));
    expect(await list()).toEqual({ tags: [], isWhole: true });
    none();
  });
});
