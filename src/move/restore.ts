import { setTimeout as delay } from 'node:timers/promises';
import type { Digest } from '../contract/image.js';
import type { MovedImage, MoveOutcome, MoveTarget } from '../contract/move.js';
import { getManifest } from '../registry/get-manifest.js';
import { readTag } from '../registry/read-tag.js';
import { type ImageMove, type ImageTask, landed, moveImage, readKept, staysConflict } from './move-image.js';
import { createPair } from './pair.js';
import { MoveRefusal } from './write-lease.js';

/** One image of a move. */
export interface Course extends ImageTask {
  target: MoveTarget;
  /** Whether the build has no image of it, and it is read alone. */
  isKept: boolean;
}

/** One image after its writes. */
export interface Written {
  course: Course;
  own: ImageMove;
}

/**
 * Restores the images of a move, then reads them once more: one that was restored first, or never left, may have been moved
 * from outside before the last one was restored. Nothing is in flight when it begins, and when it ends.
 */
export async function restoreAll(writes: Written[]): Promise<MovedImage[]> {
  await landed(writes.map(({ own }) => own));
  const images = await settle(writes.map(async (one) => ({ ...one, image: await restore(one) })));
  if (images.length === 1) return images.map(({ image }) => image);
  return settle(images.map(({ course, image }) => readRestored(course, image)));
}

/** Waits for all, also if one throws: the result of every write must be known. */
export async function settle<T>(all: Promise<T>[]): Promise<T[]> {
  await Promise.allSettled(all);
  return Promise.all(all);
}

/**
 * Restores the previous digest, whatever a read shows, for reads lag; only a third digest is left alone. An image that never
 * left it is not written.
 */
async function restore({ course, own }: Written): Promise<MovedImage> {
  const { target, isKept, previous, registry, waits, begun } = course;
  if (isKept && own.outcome === 'promoted') return toMovedImage(course, 'restored', own.latest);
  if (own.outcome === 'conflict') return toMovedImage(course, 'conflict', own.latest);
  if ((own.refused && own.latest === previous && own.inFlightUntil === 0) || !(own.sent || begun))
    return toMovedImage(course, 'restored', own.latest, own.why);
  if (previous === null)
    return toMovedImage(course, own.outcome, own.latest, own.why ?? 'there was no :latest to restore');
  try {
    if (own.outcome === 'failed' && own.latest === previous && (await neverLeft(course)))
      return toMovedImage(course, 'restored', previous, own.why);
    // A person may have fixed it by hand meanwhile.
    if (await staysConflict(course))
      return toMovedImage(course, 'conflict', null, ':latest was moved from outside before it could be restored');
    const manifest = await getManifest(registry, target.repository, previous);
    const pair = createPair(1, { forMs: waits.restoreMs, forwardOnly: false, waits });
    const back = await moveImage({
      ...course,
      pair,
      manifest,
      previous: target.to,
      trustsReads: false,
      inFlightUntil: 0,
      overwrites: false,
      // Each image is restored for itself, whatever a person did to another one.
      others: () => [],
    });
    await landed([back]);
    const outcome = back.outcome === 'promoted' ? 'restored' : back.outcome === 'conflict' ? 'conflict' : 'failed';
    return toMovedImage(course, outcome, back.latest, back.why ?? own.why);
  } catch (error) {
    if (error instanceof MoveRefusal) throw error;
    // The result of the other image must not be lost to this error.
    return toMovedImage(course, 'failed', own.latest, error instanceof Error ? error.message : String(error));
  }
}

async function readRestored(course: Course, image: MovedImage): Promise<MovedImage> {
  const { target, previous } = course;
  if (image.result !== 'restored' || previous === null) return image;
  const manifest = { repository: target.repository, digest: previous };
  const { outcome, latest, why } = await readKept({ ...course, manifest, previous: target.to });
  if (outcome === 'promoted') return image;
  return toMovedImage(course, outcome === 'conflict' ? 'conflict' : 'failed', latest, why);
}

/** Whether no write of ours can be in flight any more, and every read until then showed the previous digest. */
async function neverLeft({ registry, target, previous, waits }: Course): Promise<boolean> {
  for (const until = performance.now() + waits.windowMs + waits.putTimeoutMs; ; await delay(waits.pollMs)) {
    const latest = await readTag(registry, target.repository, registry.latest).catch(() => undefined);
    if (latest !== previous) return false;
    if (performance.now() >= until) return true;
  }
}

/** Result of one image. */
export function toMovedImage(
  { target, previous }: Course,
  result: MoveOutcome,
  latest: Digest | null,
  why?: string,
): MovedImage {
  const { repository, to: digest, unchanged } = target;
  return { repository, digest, previous, result, latest, ...(why && { why }), ...(unchanged && { unchanged }) };
}
