import { type Digest, LATEST, type Repository } from '../contract/image.js';
import { type Sha, sameBuild } from '../contract/sha.js';
import type { Registry } from './context.js';
import { getManifest } from './get-manifest.js';
import { readRevision } from './read-revision.js';
import { RegistryError } from './transport/errors.js';

/** Where `:latest` stands. */
export interface Latest {
  images: { repository: Repository; digest: Digest | null }[];
  /** The build that every image says it is; null when one says none, or another. */
  sha: Sha | null;
}

/** Reads `:latest` of all images, and which build they are.
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
  const said = read[0]?.revision ?? null;
  const isOne = said !== null && read.every(({ revision }) => revision !== null && sameBuild(revision, said));
  return {
    images: read.map(({ repository, digest }) => ({ repository, digest })),
    sha: isOne ? (said as Sha) : null,
  };
}
