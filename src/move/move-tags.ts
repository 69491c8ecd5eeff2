import type { Digest } from '../domain/image.js';
import type { MovedImage, MoveInput, MoveOutcome, MoveTarget, ObservedImage } from '../domain/move.js';
import { getManifest } from '../registry/get-manifest.js';
import type { Registry } from '../registry/registry.js';
import type { Authority } from './authority.js';
import { createGate } from './gate.js';
import { type ImageEnd, type ImageMove, type ImageTask, moveImage } from './move-image.js';
import { observeExpected, observeLatest } from './observe.js';
import type { MoveWaits } from './waits.js';

export interface Move {
  registry: Registry;
  authority: Authority;
  waits: MoveWaits;
  input: MoveInput;
  /** Where `:latest` of each image stood before the first try, as recorded: what is put back if need be. */
  observed: ObservedImage[];
  /** A try before this one said that it writes. */
  begun: boolean;
  /** There was a try before this one; it may have died before it could say so. */
  retried: boolean;
  /** Called right before the first write. */
  onBegin: () => void;
  /** Heeded until the first write; from then on the pair is finished first. */
  signal?: AbortSignal;
}

/** One image on its course. */
interface Course extends ImageTask {
  target: MoveTarget;
}

const RESULTS: Record<ImageEnd, MoveOutcome> = {
  there: 'promoted',
  unseen: 'unconfirmed',
  third: 'conflict',
  failed: 'failed',
};

/**
 * Moves `:latest` of all images to their targets, or of none (design §4, protocol §3). The PUTs go out together, each on a
 * yes that is at most `windowMs` old; each is read back; when one fails for good the others are put back.
 * @throws {MoveRefusal} with nothing written, or, once begun, when the yes was taken back.
 * @throws {RegistryError} before the first write.
 */
export async function moveTags(move: Move): Promise<MovedImage[]> {
  const { registry, authority, waits, input, signal } = move;
  const rollsBack = input.kind === 'rollback';
  const repositories = input.images.map(({ repository }) => repository);
  const [recent, manifests, first] = await Promise.all([
    authority.movedWithin(waits.recentMs),
    Promise.all(input.images.map(({ repository, to }) => getManifest(registry, repository, to, signal))),
    rollsBack || move.begun
      ? observeLatest(registry, repositories, signal)
      : observeExpected(registry, input.images, waits, signal),
  ]);
  const begun = move.begun || (move.retried && isHalfMoved(input.images, first));
  const stands = input.images.every(({ to }, index) => first[index]?.digest === to);

  let unused: ObservedImage[] | null = first;
  const gate = createGate({
    windowMs: waits.windowMs,
    begun,
    onBegin: move.onBegin,
    signal,
    async ask(hasBegun) {
      const latest = unused ?? (await observeLatest(registry, repositories, hasBegun ? undefined : signal));
      unused = null;
      await authority.authorize({ begun: hasBegun, latest });
    },
  });
  const courses = manifests.map((manifest, index): Course => {
    const target = input.images[index] as MoveTarget;
    return { target, previous: previousOf(target, move.observed), registry, manifest, gate, waits };
  });

  // After a move of ours a read that shows the target may be from before it; and a rollback never trusts a read.
  if (stands && !recent && !rollsBack)
    return courses.map((course) => ended(course, begun ? 'promoted' : 'already', course.target.to));

  const ends = await settle(courses.map((course) => moveImage(course, rollsBack ? waits.rollBackMs : waits.promoteMs)));
  const stood = stands && !recent && !begun;
  return settle(
    courses.map(async (course, index) => {
      const own = ends[index] as ImageMove;
      if (ends.some(({ end }) => end === 'failed' || end === 'third')) return putBack(course, own, begun);
      return ended(course, stood && own.end === 'there' ? 'already' : RESULTS[own.end], own.latest);
    }),
  );
}

/** Puts the digest from before back, whatever a read says, for reads lag; only somebody else's digest is left alone. */
async function putBack(course: Course, own: ImageMove, begun: boolean): Promise<MovedImage> {
  const { target, previous, registry, waits } = course;
  const why = own.error?.message;
  if (own.end === 'third') return ended(course, 'conflict', own.latest);
  const refused = own.end === 'failed' && own.error?.kind !== 'transient' && own.latest === previous;
  if (refused || !(own.sent || begun)) return ended(course, 'restored', own.latest, why);
  if (previous === null) return ended(course, RESULTS[own.end], own.latest, why ?? 'there was no :latest to put back');
  const manifest = await getManifest(registry, target.repository, previous);
  const back = await moveImage({ ...course, manifest, previous: target.to }, waits.restoreMs);
  const result = back.end === 'there' ? 'restored' : back.end === 'third' ? 'conflict' : 'failed';
  return ended(course, result, back.latest, back.error?.message ?? why);
}

/** What stood there before the move; a mover that is started again finds its own target there already. */
function previousOf(target: MoveTarget, observed: ObservedImage[]): Digest | null {
  const digest = observed.find(({ repository }) => repository === target.repository)?.digest ?? null;
  return digest === target.to ? target.from : digest;
}

/** One image on its target and another not: only a move of ours does that, so one has begun. */
function isHalfMoved(targets: MoveTarget[], latest: ObservedImage[]): boolean {
  const there = targets.map(({ from, to }, index) => from !== to && latest[index]?.digest === to);
  return there.includes(true) && there.includes(false);
}

/** Waits for all, also when one throws: a write that nobody waits for is one that nobody knows of. */
async function settle<T>(all: Promise<T>[]): Promise<T[]> {
  await Promise.allSettled(all);
  return Promise.all(all);
}

function ended({ target, previous }: Course, result: MoveOutcome, latest: Digest | null, why?: string): MovedImage {
  return { repository: target.repository, digest: target.to, previous, result, latest, ...(why && { why }) };
}
