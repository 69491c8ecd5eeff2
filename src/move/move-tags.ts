import type { Digest } from '../contract/image.js';
import type { MovedImage, MoveInput, MoveOutcome, MoveTarget, TagState } from '../contract/move.js';
import type { Registry } from '../registry/context.js';
import { getManifest } from '../registry/get-manifest.js';
import { type ImageEnd, type ImageMove, type ImageTask, moveImage, staysThird } from './move-image.js';
import { observeExpected, observeLatest } from './observe.js';
import type { MoveWaits } from './waits.js';
import { createWriteLease, type MoveAuthorizer, MoveRefusal } from './write-lease.js';

export interface Move {
  registry: Registry;
  authority: MoveAuthorizer;
  waits: MoveWaits;
  input: MoveInput;
  /** Where `:latest` of each image stood before the first try, as recorded: what is put back if need be. */
  observed: TagState[];
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
  const early = move.begun ? undefined : signal;
  const [manifests, first] = await Promise.all([
    Promise.all(input.images.map(({ repository, to }) => getManifest(registry, repository, to, early))),
    rollsBack || move.begun
      ? observeLatest(registry, repositories, { signal: early, tolerant: rollsBack })
      : observeExpected(registry, input.images, waits, early),
  ]);
  const begun = move.begun || (move.retried && isHalfMoved(input.images, first));
  const stands = input.images.every(({ to }, index) => first[index]?.digest === to);
  // After a move of ours a read that shows the target may be from before it; and a rollback never trusts a read.
  const recent = rollsBack || (await authority.movedWithin(waits.recentMs));

  let unused: TagState[] | null = first;
  const gate = createWriteLease({
    windowMs: waits.windowMs,
    begun,
    onBegin: move.onBegin,
    pollMs: waits.pollMs,
    signal,
    async look(hasBegun) {
      // Where `:latest` stands is no question for a rollback, and a slow registry shall not keep it from writing.
      if (rollsBack) return [];
      const latest = unused ?? (await observeLatest(registry, repositories, { signal: hasBegun ? undefined : signal }));
      unused = null;
      return latest;
    },
    ask: (hasBegun, latest) => authority.authorize({ begun: hasBegun, latest }),
  });
  const courses = manifests.map((manifest, index): Course => {
    const target = input.images[index] as MoveTarget;
    const trustsReads = !recent && first[index]?.digest !== target.to;
    const previous = previousOf(target, move.observed);
    return { target, previous, registry, manifest, gate, waits, trustsReads, overwrites: rollsBack, begun };
  });

  if (stands && !recent)
    return courses.map((course) => ended(course, begun ? 'promoted' : 'already', course.target.to));

  const ends = await settle(courses.map((course) => moveImage(course, rollsBack ? waits.rollBackMs : waits.promoteMs)));
  const broken = ends.some(({ end }) => end === 'failed' || end === 'third');
  const stood = rollsBack && !broken && stands && !begun && !(await movedLately(move));
  return settle(
    courses.map(async (course, index) => {
      const own = ends[index] as ImageMove;
      if (broken) return putBack(course, own);
      return ended(course, stood && own.end === 'there' ? 'already' : RESULTS[own.end], own.latest, own.why);
    }),
  );
}

/** Only the word for a rollback that is done hangs on it, so no answer is as good as a yes. */
const movedLately = ({ authority, waits }: Move) => authority.movedWithin(waits.recentMs).catch(() => true);

/** Puts the digest from before back, whatever a read says, for reads lag; only somebody else's digest is left alone. */
async function putBack(course: Course, own: ImageMove): Promise<MovedImage> {
  const { target, previous, registry, waits, begun } = course;
  if (own.end === 'third') return ended(course, 'conflict', own.latest);
  if ((own.refused && own.latest === previous) || !(own.sent || begun))
    return ended(course, 'restored', own.latest, own.why);
  if (previous === null)
    return ended(course, RESULTS[own.end], own.latest, own.why ?? 'there was no :latest to put back');
  const began = performance.now();
  try {
    // Minutes may have passed since this image was written: somebody may have mended it by hand.
    if (await staysThird(course))
      return ended(course, 'conflict', null, 'somebody else moved it before it could be put back');
    const manifest = await getManifest(registry, target.repository, previous);
    const task = { ...course, manifest, previous: target.to, trustsReads: false, overwrites: false };
    const back = await moveImage(task, waits.restoreMs);
    // Nothing could be written, nor was before: a read that late does not lag behind a write of ours.
    const neverLeft = back.latest === previous && performance.now() - began >= waits.surpriseMs;
    const result = back.end === 'there' || neverLeft ? 'restored' : back.end === 'third' ? 'conflict' : 'failed';
    return ended(course, result, back.latest, back.why ?? own.why);
  } catch (error) {
    if (error instanceof MoveRefusal) throw error;
    // Whatever it is, the other image must not be forgotten for it.
    return ended(course, 'failed', own.latest, error instanceof Error ? error.message : String(error));
  }
}

/** What stood there before the move; a mover that is started again finds its own target there already. */
function previousOf(target: MoveTarget, observed: TagState[]): Digest | null {
  const digest = observed.find(({ repository }) => repository === target.repository)?.digest ?? null;
  return digest === target.to ? target.from : digest;
}

/** One image on its target and another not: only a move of ours does that, so one has begun. */
function isHalfMoved(targets: MoveTarget[], latest: TagState[]): boolean {
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
