import type { Digest } from '../contract/image.js';
import type { Manifest, Registry } from './context.js';
import { ACCEPT, fetchManifest, otherDigest } from './get-manifest.js';
import { RegistryError } from './transport/errors.js';
import { request } from './transport/request.js';

/** Checks that the registry has every manifest of an index.
 * @throws {RegistryError} `not-found`, naming every missing child; or the error of the request. */
export async function requireChildren(registry: Registry, manifest: Manifest, signal?: AbortSignal): Promise<void> {
  const { repository, digest, children } = manifest;
  const missing = await missingChildren(registry, manifest, signal);
  if (missing.length === 0) return;
  throw new RegistryError(
    'not-found',
    `${repository}, index ${digest}: ${missing.length} of its ${children.length} manifests are missing: ${missing.join(', ')} (push the build again)`,
    { status: 404 },
  );
}

/** Manifests of an index that the registry does not have.
 * @throws {RegistryError} if a request fails in any other way. */
export async function missingChildren(registry: Registry, manifest: Manifest, signal?: AbortSignal): Promise<Digest[]> {
  const looks = await Promise.allSettled(
    manifest.children.map((child) => requireChild(registry, manifest, child, signal)),
  );
  signal?.throwIfAborted();
  return looks.flatMap((look, index) => {
    if (look.status === 'fulfilled') return [];
    if (look.reason instanceof RegistryError && look.reason.kind === 'not-found') return manifest.children[index] ?? [];
    throw look.reason;
  });
}

/** Asks by HEAD, then by GET if that is refused: some registries, and proxies before them, answer a HEAD with 403, 404, 405 or 501. */
async function requireChild(
  registry: Registry,
  { repository }: Manifest,
  child: Digest,
  signal?: AbortSignal,
): Promise<void> {
  const path = `manifests/${child}`;
  const answer = await request(
    registry,
    { method: 'HEAD', repository, path, headers: { accept: ACCEPT }, actions: 'pull' },
    signal,
  ).catch((error: unknown) => {
    if (error instanceof RegistryError && error.kind !== 'transient') return null;
    throw error;
  });
  if (answer === null) await fetchManifest(registry, repository, child, signal);
  else if (otherDigest(answer, child) !== null)
    throw new RegistryError('integrity', `${repository}, manifest ${child}: the registry names another digest`);
}
