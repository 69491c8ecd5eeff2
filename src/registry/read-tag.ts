import type { Digest, Repository, Tag } from '../contract/image.js';
import type { Registry } from './context.js';
import { getManifest } from './get-manifest.js';
import { RegistryError } from './transport/errors.js';

/** Digest that a tag points at, computed from the bytes, which a HEAD would not show; null if there is no such tag.
 * @throws {RegistryError} */
export async function readTag(
  registry: Registry,
  repository: Repository,
  tag: Tag,
  signal?: AbortSignal,
): Promise<Digest | null> {
  try {
    return (await getManifest(registry, repository, tag, signal)).digest;
  } catch (error) {
    if (error instanceof RegistryError && error.kind === 'not-found') return null;
    throw error;
  }
}
