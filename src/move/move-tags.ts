import { type Digest, LATEST, type Repository } from '../domain/image.js';
import type { MovedImage, MoveInput, MoveTarget, ObservedImage } from '../domain/move.js';
import { getManifest, type Manifest, putTag, readTag, requireChildren } from '../registry/manifest.js';
import type { Registry } from '../registry/request.js';

/** The move is not allowed. Nothing was written. */
export class MoveRefusal extends Error {
  override readonly name = 'MoveRefusal';
}

export interface MoveWaits {
  /** How long reads may lag behind a write before they count (GHCR serves stale tags for 15-30 s). */
  verifyMs: number;
  /** Between two reads. */
  pollMs: number;
}

export const MOVE_WAITS: MoveWaits = { verifyMs: 30_000, pollMs: 500 };

/** Where `:latest` of each image stands now. */
export function observeLatest(
  registry: Registry,
  repositories: Repository[],
  signal?: AbortSignal,
): Promise<ObservedImage[]> {
  return Promise.all(
    repositories.map(async (repository) => ({
      repository,
      digest: await readTag(registry, repository, LATEST, signal),
    })),
  );
}

/**
 * Moves `:latest` of all images to their targets, or of none: everything is looked at before the first write, the writes
 * go out together, each is read back, and when one fails the others are put back where `observed` says they stood.
 * @param authorize throws a `MoveRefusal` unless the move is allowed at this very moment.
 * @throws {MoveRefusal} with nothing written; {RegistryError} when the look before the first write failed.
 */
export async function moveTags(
  registry: Registry,
  input: MoveInput,
  observed: ObservedImage[],
  authorize: () => Promise<void>,
  waits: MoveWaits = MOVE_WAITS,
): Promise<MovedImage[]> {
  const moves = await Promise.all(
    input.images.map(async (target) => ({
      target,
      previous: previousOf(target, observed),
      manifest: await whole(registry, target),
    })),
  );
  if (input.kind === 'promotion') for (const move of moves) refuseSurprise(move.target, move.previous);
  if (moves.every(({ target, previous }) => target.to === previous))
    return moves.map(({ target, previous }) => moved(target, previous, 'already', target.to));

  await authorize();
  const written = await Promise.all(
    moves.map(async ({ target, previous, manifest }) => {
      const failed = await putTag(registry, manifest, LATEST).then(
        () => null,
        (error: unknown) => error,
      );
      return failed === null
        ? verify(registry, target, previous, waits)
        : moved(target, previous, 'unconfirmed', previous);
    }),
  );
  if (written.every((image) => image.result === 'promoted')) return written;
  return Promise.all(written.map((image) => restore(registry, image)));
}

/** Whether every image is where it was meant to be. */
export function allMoved(images: MovedImage[]): boolean {
  return images.every((image) => image.result === 'promoted' || image.result === 'already');
}

async function whole(registry: Registry, { repository, to }: MoveTarget): Promise<Manifest> {
  const manifest = await getManifest(registry, repository, to);
  await requireChildren(registry, manifest);
  return manifest;
}

function previousOf(target: MoveTarget, observed: ObservedImage[]): Digest | null {
  return observed.find((image) => image.repository === target.repository)?.digest ?? null;
}

function refuseSurprise({ repository, from, to }: MoveTarget, now: Digest | null): void {
  if (now !== from && now !== to)
    throw new MoveRefusal(
      `${repository}:latest stands at ${now ?? 'nothing'}, this run saw ${from ?? 'nothing'}: somebody else moved it`,
    );
}

/** Reads back until the target shows. The digest from before is a read that lags; any third one is somebody else's. */
async function verify(
  registry: Registry,
  target: MoveTarget,
  previous: Digest | null,
  waits: MoveWaits,
): Promise<MovedImage> {
  const deadline = performance.now() + waits.verifyMs;
  for (;;) {
    const now = await readTag(registry, target.repository, LATEST);
    if (now === target.to) return moved(target, previous, 'promoted', now);
    if (now !== null && now !== previous) return moved(target, previous, 'conflict', now);
    if (performance.now() > deadline) return moved(target, previous, 'unconfirmed', now);
    await new Promise((wake) => setTimeout(wake, waits.pollMs));
  }
}

/** Puts the old digest back, by writing it whatever a read says: reads lag. Only somebody else's digest is left alone. */
async function restore(registry: Registry, image: MovedImage): Promise<MovedImage> {
  if (image.result === 'conflict' || image.previous === null) return image;
  // After the first write nothing may throw: the other image would be forgotten.
  const attempt = async (previous: Digest) =>
    putTag(registry, await getManifest(registry, image.repository, previous), LATEST);
  const written = await attempt(image.previous).then(
    () => true,
    () => false,
  );
  const latest = await readTag(registry, image.repository, LATEST).catch(() => image.latest);
  return { ...image, latest, result: written && latest === image.previous ? 'restored' : image.result };
}

const moved = (
  target: MoveTarget,
  previous: Digest | null,
  result: MovedImage['result'],
  latest: Digest | null,
): MovedImage => ({
  repository: target.repository,
  digest: target.to,
  previous,
  result,
  latest,
});
