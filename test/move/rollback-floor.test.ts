import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Digest, parseRepository } from '../../src/contract/image.js';
import { type Sha, shortSha } from '../../src/contract/sha.js';
import { belowFloor } from '../../src/domain/one-build.js';
import { type FloorEvidence, NO_EVIDENCE, withFloor } from '../../src/move/rollback-floor.js';
import type { Registry } from '../../src/registry/context.js';
import { createRegistry } from '../../src/registry/registry.js';
import { pushBuild } from '../../testbed/images.js';
import { type MemoryRegistry, startMemoryRegistry } from '../../testbed/memory-registry.js';
import { newSha } from '../support/shas.js';

let server: MemoryRegistry;
let registry: Registry;
beforeAll(async () => {
  server = await startMemoryRegistry();
  registry = createRegistry();
});
afterAll(async () => {
  await registry.close();
  await server.stop();
});

const repository = () => parseRepository(`${server.host}/platform`);
async function build(floor?: Sha, sha = newSha()) {
  const spec = { registry: server.host, repository: 'platform', tag: sha.slice(0, 7), sha };
  const { digest } = await pushBuild({ ...spec, ...(floor && { floor }) });
  return { sha: sha as Sha, digest: digest as Digest };
}
/** The first image of a target, with what is said about its floor. */
async function marked(
  target: { sha: Sha; digest: Digest },
  live: { digest: Digest },
  evidence: Partial<FloorEvidence> = {},
) {
  const pinned = [{ repository: repository(), digest: target.digest, latest: live.digest }];
  const [image] = await withFloor(registry, target.sha, pinned, { ...NO_EVIDENCE, ...evidence });
  return image;
}

test('a target that is older than the floor of the live build is below it', async () => {
  const [floor, target] = [await build(), await build()];
  const live = await build(floor.sha);
  const image = await marked(target, live, { isAtLeast: () => false });
  expect(image?.belowFloor).toMatch(
    new RegExp(`^${shortSha(target.sha)} is below the rollback floor ${floor.sha}: a build since says`),
  );
});

test('a target that is not older than it is not marked', async () => {
  const [floor, target] = [await build(), await build()];
  expect(await marked(target, await build(floor.sha), { isAtLeast: () => true })).not.toHaveProperty('belowFloor');
});

test('a floor that a release named counts as the label does', async () => {
  const [floor, target] = [await build(), await build()];
  const evidence = { declared: [floor.sha], isAtLeast: () => false };
  const image = await marked(target, await build(), evidence);
  expect(image?.belowFloor).toContain(`${shortSha(target.sha)} is below the rollback floor ${floor.sha}`);
  expect(image?.belowFloor).toContain('a build since says (its release, by --floor) that older ones');
});

test('a target whose order is not known may be below it', async () => {
  const [floor, target] = [await build(), await build()];
  const image = await marked(target, await build(floor.sha), { isAtLeast: () => null });
  expect(image?.belowFloor).toMatch(/may be below the rollback floor .*: the order of the two builds is not known$/);
});

test('the floor of a build in between counts, though the live build names none', async () => {
  const [floor, target] = [await build(), await build()];
  const between = await build(floor.sha);
  const since = [{ repository: repository(), digest: between.digest }];
  const live = await build();
  expect(await marked(target, live, { since, isAtLeast: () => false })).toHaveProperty('belowFloor');
  expect(await marked(target, live, { isAtLeast: () => false })).not.toHaveProperty('belowFloor');
});

test('a target that names the floor too, or is the floor, is not below it', async () => {
  const floor = await build();
  const live = await build(floor.sha);
  const never = { isAtLeast: () => false };
  expect(await marked(await build(floor.sha), live, never)).not.toHaveProperty('belowFloor');
  expect(await marked(floor, live, never)).not.toHaveProperty('belowFloor');
});

test('a label that cannot be read is told, and marks nothing', async () => {
  const target = await build();
  const gone = { digest: `sha256:${'0'.repeat(64)}` as Digest };
  const image = await marked(target, gone, { isAtLeast: () => false });
  expect(image).not.toHaveProperty('belowFloor');
  expect(image?.floorUnread).toBe(`the label canary.rollback-floor cannot be read: ${repository()}@${gone.digest}`);
});

test('each build since counts, and each image has the mark of the build, which is told once', async () => {
  const [floor, target, live] = [await build(), await build(), await build()];
  const since = [await build(floor.sha), live].map(({ digest }) => ({ repository: repository(), digest }));
  const pinned = [
    { repository: repository(), digest: target.digest, latest: null },
    { repository: repository(), digest: target.digest, latest: live.digest },
  ];
  const images = await withFloor(registry, target.sha, pinned, { ...NO_EVIDENCE, since, isAtLeast: () => false });
  expect(images).toEqual(pinned.map((image) => ({ ...image, belowFloor: expect.stringContaining(floor.sha) })));
  expect(belowFloor(images)).toEqual([images[0]?.belowFloor]);
});

test('each label that cannot be read is named', async () => {
  const target = await build();
  const gone = ['0', '1'].map((digit) => `sha256:${digit.repeat(64)}` as Digest);
  const [live, other] = gone.map((digest) => ({ repository: repository(), digest }));
  const image = await marked(target, live as { digest: Digest }, { since: [other as never] });
  expect(image?.floorUnread).toBe(
    `the label canary.rollback-floor cannot be read: ${gone.map((digest) => `${repository()}@${digest}`).join(', ')}`,
  );
});
