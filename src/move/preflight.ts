import type { MoveInput, TagState } from '../contract/move.js';
import type { Registry } from '../registry/context.js';
import { getManifest } from '../registry/get-manifest.js';
import { probeWrite } from '../registry/probe-write.js';
import { requireChildren } from '../registry/require-children.js';
import { RegistryError } from '../registry/transport/errors.js';
import { observeLatest } from './observe.js';

/**
 * Checks each image before anything is written: the target with all its manifests exists, and the credentials may write. Of
 * a rollback only the target must exist: which manifests may be missing was decided before, and a PUT decides about rights.
 * @param warn receives what a rollback goes on in spite of.
 * @returns `:latest` of each image, so that it can be restored.
 * @throws {RegistryError} for the first image that fails; nothing was written.
 */
export async function preflight(
  registry: Registry,
  { kind, images: targets }: Pick<MoveInput, 'kind' | 'images'>,
  signal?: AbortSignal,
  warn: (line: string) => void = () => undefined,
): Promise<TagState[]> {
  const checks = targets.map(async ({ repository, to }) => {
    const manifest = await getManifest(registry, repository, to, signal);
    if (kind === 'promotion') await requireChildren(registry, manifest, signal);
    await probeWrite(registry, repository, signal).catch((error: unknown) => {
      if (kind === 'promotion' || !(error instanceof RegistryError)) throw error;
      warn(error.message);
    });
  });
  const observing = observeLatest(
    registry,
    targets.map(({ repository }) => repository),
    { signal, tolerant: kind === 'rollback' },
  );
  const [observed] = await Promise.all([observing, ...checks]);
  return observed;
}
