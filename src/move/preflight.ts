import type { MoveInput, TagState } from '../contract/move.js';
import type { Registry } from '../registry/context.js';
import { getManifest } from '../registry/get-manifest.js';
import { probeWrite } from '../registry/probe-write.js';
import { requireChildren } from '../registry/require-children.js';
import { observeLatest } from './observe.js';

/**
 * Looks at everything before anything is written: each target is there whole, we may write to each repository, and where
 * `:latest` of each stands, so that it can be put back.
 * @throws {RegistryError} for the first image that fails; nothing was written.
 */
export async function preflight(
  registry: Registry,
  { kind, images: targets }: Pick<MoveInput, 'kind' | 'images'>,
  signal?: AbortSignal,
): Promise<TagState[]> {
  const looks = targets.map(async ({ repository, to }) => {
    await requireChildren(registry, await getManifest(registry, repository, to, signal), signal);
    await probeWrite(registry, repository, signal);
  });
  const observing = observeLatest(
    registry,
    targets.map(({ repository }) => repository),
    { signal, tolerant: kind === 'rollback' },
  );
  const [observed] = await Promise.all([observing, ...looks]);
  return observed;
}
