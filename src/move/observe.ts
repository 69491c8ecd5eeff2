import { setTimeout as delay } from 'node:timers/promises';
import { LATEST, type Repository } from '../contract/image.js';
import { digestOf, type MoveTarget, type TagState } from '../contract/move.js';
import type { Registry } from '../registry/context.js';
import { readTag } from '../registry/read-tag.js';
import { RegistryError } from '../registry/transport/errors.js';
import type { MoveWaits } from './waits.js';
import { MoveRefusal } from './write-lease.js';

/**
 * Where `:latest` of each image stands now, by the bytes it serves.
 * @param options.tolerant one that is there but makes no sense counts as none: the rollback that mends it has to go on.
 */
export function observeLatest(
  registry: Registry,
  repositories: Repository[],
  { signal, tolerant = false }: { signal?: AbortSignal | undefined; tolerant?: boolean } = {},
): Promise<TagState[]> {
  const senseless = (error: unknown) =>
    error instanceof RegistryError && (error.kind === 'integrity' || error.kind === 'rejected');
  return Promise.all(
    repositories.map(async (repository) => {
      const digest = await readTag(registry, repository, LATEST, signal).catch((error: unknown) => {
        if (tolerant && senseless(error)) return null;
        throw error;
      });
      return { repository, digest };
    }),
  );
}

/**
 * Reads `:latest` of all images until each stands where the run saw it, or on its target. Something else may be a stale
 * read, so it is read again until it has been there for `surpriseMs`.
 * @throws {MoveRefusal} when it still is: somebody else moved it (I8).
 */
export async function observeExpected(
  registry: Registry,
  targets: MoveTarget[],
  waits: MoveWaits,
  signal?: AbortSignal,
): Promise<TagState[]> {
  const repositories = targets.map(({ repository }) => repository);
  for (const deadline = performance.now() + waits.surpriseMs; ; await delay(waits.pollMs, undefined, { signal })) {
    const latest = await observeLatest(registry, repositories, { signal });
    // Every one of them: whoever approves has to see all that is written over.
    const surprises = targets.flatMap(({ repository, from, to }) => {
      const found = digestOf(latest, repository);
      if (found === from || found === to) return [];
      return [`${repository}:latest stands at ${found ?? 'nothing'}, this run saw ${from ?? 'nothing'}`];
    });
    if (surprises.length === 0) return latest;
    if (performance.now() < deadline) continue;
    throw new MoveRefusal('latest-moved', `${surprises.join('; ')}: moved from outside`, latest);
  }
}
