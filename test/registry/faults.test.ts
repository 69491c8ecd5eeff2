import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { LATEST, type Repository, type Tag } from '../../src/contract/image.js';
import type { Registry } from '../../src/registry/context.js';
import { getManifest } from '../../src/registry/get-manifest.js';
import { putTag } from '../../src/registry/put-tag.js';
import { readTag } from '../../src/registry/read-tag.js';
import { createRegistry } from '../../src/registry/registry.js';
import { requireChildren } from '../../src/registry/require-children.js';
import type { RegistryError } from '../../src/registry/transport/errors.js';
import { tagDigest } from '../../testbed/images.js';
import { type MemoryRegistry, startMemoryRegistry } from '../../testbed/memory-registry.js';
import { getStaging, ROWS, tooMany, withHeaders } from './fault-table.js';
import { at, SHORT, twoBuilds } from './support.js';

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

/** Moves as the mover does: reads everything first, and reads again before it repeats a PUT without an answer. */
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

describe('a registry with one fault', () => {
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
      // A pause beyond the time limit is not started.
      if (row.retryAfterMs) expect(performance.now() - started).toBeLessThan(SHORT.totalMs / 2);
    }
    expect(asked).toBe(row.asked);
    const stands = row.latest ?? (row.ends === 'moved' ? 'moved' : 'as before');
    expect(await tagDigest(registry.host, row.name, 'latest')).toBe(stands === 'moved' ? next : before);
  });

  test.each([
    [1, 'taken from the second answer'],
    [9, 'refused'],
  ])('a read by digest that gets other bytes with a matching digest, %i times, is %s', async (times) => {
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

  test('a retry waits for the pause that the registry asks for', async () => {
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
});
