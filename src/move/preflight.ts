import type { MoveInput, TagState } from '../contract/move.js';
import type { Registry } from '../registry/context.js';
import { getManifest } from '../registry/get-manifest.js';
import { probeWrite } from '../registry/probe-write.js';
import { requireChildren } from '../registry/require-children.js';
import { observeLatest } from './observe.js';

/**
 * Checks each image before anything is written: the target with all its manifests exists, and the credentials may write.
 * @returns `:latest` of each image, so that it can be restored.
 * @throws {RegistryError} for the first image that fails; nothing was written.
 */
export async function preflight(
  registry: Registry,
  { kind, images: targets }: Pick<MoveInput, 'kind' | 'images'>,
  signal?: AbortSignal,
): Promise<TagState[]> {
  const checks = targets.map(async ({ repository, to }) => {
    await requireChildren(registry, await getManifest(registry, repository, to, signal), signal);
    await probeWrite(registry, repository, signal);
  });
  const observing = observeLatest(
    registry,
    targets.map(({ repository }) => repository),
    { signal, tolerant: kind === 'rollback' },
  );
  const [observed] = await Promise.all([observing, ...checks]);
  return observed;
}
