import { type Digest, parseRepository } from '../src/contract/image.js';
import type { MoveInput } from '../src/contract/move.js';
import { parseSha } from '../src/contract/sha.js';
import { moveTags } from '../src/move/move-tags.js';
import { MOVE_WAITS } from '../src/move/waits.js';
import type { Registry } from '../src/registry/context.js';
import { getManifest } from '../src/registry/get-manifest.js';

/** Does one move without Temporal: reads `:latest`, moves both images, reads back. Every write is allowed. */
export async function moveOnce(registry: Registry, repositories: string[], to: string[]): Promise<void> {
  const images = await Promise.all(
    repositories.map(async (text, index) => {
      const repository = parseRepository(text);
      const target = await getManifest(registry, repository, to[index] as Digest);
      return { repository, to: target.digest, from: null };
    }),
  );
  // A rollback, because it always writes.
  const input: MoveInput = { kind: 'rollback', sha: parseSha('4c1d56e'), images, by: 'bench', reason: 'bench' };
  const moved = await moveTags({
    registry,
    authorizer: { authorize: async () => 'granted' as const, movedWithin: async () => true },
    waits: MOVE_WAITS,
    input,
    observed: images.map(({ repository }) => ({ repository, digest: null })),
    begun: false,
    retried: false,
    onBegin: () => undefined,
  });
  const wrong = moved.find(({ result }) => result !== 'promoted');
  if (wrong) throw new Error(`${wrong.repository} ended as ${wrong.result}`);
}
