import { setTimeout as delay } from 'node:timers/promises';
import type { Repository } from '../contract/image.js';
import { digestOf, type MoveTarget, type TagState, whereItStands } from '../contract/move.js';
import type { Registry } from '../registry/context.js';
import { readTag } from '../registry/read-tag.js';
import { RegistryError } from '../registry/transport/errors.js';
import type { MoveWaits } from './waits.js';
import { MoveRefusal } from './write-lease.js';

/**
 * Reads `:latest` of each image now, by the bytes that the registry serves.
 * @param options.tolerant an invalid manifest counts as no tag: the rollback that fixes it must go on.
 */
export function observeLatest(
  registry: Registry,
  repositories: Repository[],
  { signal, tolerant = false }: { signal?: AbortSignal | undefined; tolerant?: boolean } = {},
): Promise<TagState[]> {
  const isInvalid = (error: unknown) =>
    error instanceof RegistryError && (error.kind === 'integrity' || error.kind === 'rejected');
  return Promise.all(
    repositories.map(async (repository) => {
      const digest = await readTag(registry, repository, registry.latest, signal).catch((error: unknown) => {
        if (tolerant && isInvalid(error)) return null;
        throw error;
      });
      return { repository, digest };
    }),
  );
}

/** The images whose `:latest` is not where it is expected, as they are now. An invalid manifest counts as no tag. */
export async function observeMoved(
  registry: Registry,
  expected: readonly TagState[],
  signal?: AbortSignal,
): Promise<TagState[]> {
  const repositories = expected.map(({ repository }) => repository);
  const latest = await observeLatest(registry, repositories, { signal, tolerant: true });
  return latest.filter(({ repository, digest }) => digest !== digestOf(expected, repository));
}

/**
 * Reads `:latest` of all images until each is where the run saw it, or on its target. Another digest may be a stale read, so it
 * counts once it has been there for `surpriseMs`.
 * @throws {MoveRefusal} if it still is: it was moved from outside (invariant I8).
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
    // All images: the person who approves must see every digest that is overwritten.
    const surprises = targets.flatMap(({ repository, from, to }) => {
      const found = digestOf(latest, repository);
      if (found === from || found === to) return [];
      return [`${whereItStands({ repository, digest: found }, registry.latest)}, this run saw ${from ?? 'nothing'}`];
    });
    if (surprises.length === 0) return latest;
    if (performance.now() < deadline) continue;
    throw new MoveRefusal('latest-moved', `${surprises.join('; ')}: moved from outside`, latest);
  }
}
