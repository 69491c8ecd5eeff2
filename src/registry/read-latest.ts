import { LATEST, type Repository } from '../contract/image.js';
import type { TagState } from '../contract/move.js';
import { type Sha, sameBuild } from '../contract/sha.js';
import type { Registry } from './context.js';
import { getManifest } from './get-manifest.js';
import { readRevision } from './read-revision.js';
import { RegistryError } from './transport/errors.js';

/** Where `:latest` of all images points. */
export interface Latest {
  images: TagState[];
  /** Build that every image names; null if one names none or another. */
  sha: Sha | null;
}

/** Reads `:latest` of all images, and the build that they name.
 * @throws {RegistryError} */
export async function readLatest(
  registry: Registry,
  repositories: Repository[],
  signal?: AbortSignal,
): Promise<Latest> {
  const read = await Promise.all(
    repositories.map(async (repository) => {
      const manifest = await getManifest(registry, repository, LATEST, signal).catch((error: unknown) => {
        if (error instanceof RegistryError && error.kind === 'not-found') return null;
        throw error;
      });
      const revision = manifest && (await readRevision(registry, manifest, signal));
      return { repository, digest: manifest?.digest ?? null, revision };
    }),
  );
  const named = read[0]?.revision ?? null;
  const isOne = named !== null && read.every(({ revision }) => revision !== null && sameBuild(revision, named));
  return {
    images: read.map(({ repository, digest }) => ({ repository, digest })),
    sha: isOne ? (named as Sha) : null,
  };
}
