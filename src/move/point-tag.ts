import type { Digest, Repository, Tag } from '../contract/image.js';
import type { Registry } from '../registry/context.js';
import { getManifest } from '../registry/get-manifest.js';
import { readTag } from '../registry/read-tag.js';
import { RegistryError } from '../registry/transport/errors.js';
import { moveImage } from './move-image.js';
import { createPair } from './pair.js';
import type { MoveWaits } from './waits.js';
import { createWriteLease, type MoveAuthorizer } from './write-lease.js';

/**
 * Points the tag that the canary tenants follow (`CANARY_TAG`) of all images at a build: each write under a fresh write lease,
 * retried and read back like one of `:latest`. It overwrites any digest and restores nothing: the tag belongs to the holder of
 * the canary fleet.
 * @throws {MoveRefusal} if another run holds the canary fleet.
 * @throws {RegistryError} if an image could not be written.
 */
export async function pointTag(given: {
  registry: Registry;
  authorizer: MoveAuthorizer;
  waits: MoveWaits;
  tag: Tag;
  images: { repository: Repository; digest: Digest }[];
  signal?: AbortSignal;
}): Promise<void> {
  const { registry, authorizer, waits, tag, images, signal } = given;
  const lease = createWriteLease({
    windowMs: waits.windowMs,
    begun: false,
    look: async () => [],
    ask: (begun, latest) => authorizer.authorize({ begun, latest }),
    onBegin: () => undefined,
    pollMs: waits.pollMs,
    signal,
  });
  await Promise.all(
    images.map(async ({ repository, digest }) => {
      const [manifest, previous] = await Promise.all([
        getManifest(registry, repository, digest, signal),
        readTag(registry, repository, tag, signal),
      ]);
      if (previous === digest) return;
      const task = {
        registry,
        tag,
        manifest,
        previous,
        lease,
        waits,
        trustsReads: true,
        overwrites: true,
        begun: false,
        pair: createPair(1, { forMs: waits.promoteMs, forwardOnly: false, waits }),
      };
      const { outcome, why } = await moveImage(task);
      if (outcome === 'failed' || outcome === 'conflict')
        throw new RegistryError('transient', `cannot point ${repository}:${tag} at ${digest}: ${why ?? outcome}`);
    }),
  );
}
