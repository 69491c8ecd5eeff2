import type { Digest } from '../contract/image.js';
import {
  digestOf,
  type MovedImage,
  type MoveInput,
  type MoveProgress,
  type MoveTarget,
  type TagState,
  whereItStands,
} from '../contract/move.js';
import type { Registry } from '../registry/context.js';
import { getManifest } from '../registry/get-manifest.js';
import { atMost } from './at-most.js';
import { type ImageMove, landed, moveImage, readAgain, readKept } from './move-image.js';
import { observeExpected, observeLatest } from './observe.js';
import { createPair } from './pair.js';
import { type Course, restoreAll, settle, toMovedImage, type Written } from './restore.js';
import type { MoveWaits } from './waits.js';
import { createWriteLease, type MoveAuthorizer, MoveRefusal } from './write-lease.js';

export interface Move {
  registry: Registry;
  authorizer: MoveAuthorizer;
  waits: MoveWaits;
  input: MoveInput;
  /** `:latest` of each image before the first attempt, as recorded: what is restored if necessary. */
  observed: TagState[];
  /** When `observed` was asked for, by `performance.now()`: a rollback does not read again what is younger than a write lease. */
  observedAt?: number;
  /** An earlier attempt recorded that it writes. */
  begun: boolean;
  /** There was an earlier attempt; it may have died before it could record that it writes. */
  retried: boolean;
  /** No one knows what happened since the last heartbeat of the earlier attempt, or since the mover before this one was ended: a person may have moved `:latest`. */
  lostContact?: boolean;
  /** Until when a PUT of an earlier attempt may still be carried out, by `performance.now()`. */
  inFlightUntil?: number;
  /** Called right before the first write. */
  onBegin: () => void;
  /** Heeded until the first write; from then on the pair is finished first. */
  signal?: AbortSignal;
  /** Called while an image is not at its target, with what was read and why the move goes on. */
  onTrouble?: (image: MoveProgress) => void;
  /** Called at the end with the milliseconds during which the images were on two builds. */
  onSplit?: (ms: number) => void;
}

/**
 * Promotions of a worker that request a write lease at a time; and for how long, in milliseconds, none of them must have ended before others
 * do so, too. A lease lives for 2 s: if hundreds of gates promote at once, the answers are late, each one is requested again, and nothing moves.
 */
const pacedPromotion = atMost(32, 30_000);

/**
 * Moves `:latest` of all images to their targets (docs/protocol.md, The move). The PUTs go out together, each under a write
 * lease that is at most `windowMs` old, and each is read back; all of them once more after the last write. If an image of a promotion fails for good, the others are
 * restored. A rollback restores nothing: what it moved away from is broken. An image that the build does not have is not
 * written if it is where it was.
 * @returns one outcome for each image of the input, in its order.
 * @throws {MoveRefusal} with nothing written, or, once begun, if the lease was revoked.
 * @throws {RegistryError} before the first write.
 */
export async function moveTags(move: Move): Promise<MovedImage[]> {
  const { registry, authorizer, waits, input, signal, inFlightUntil = 0 } = move;
  const rollsBack = input.kind === 'rollback';
  const repositories = input.images.map(({ repository }) => repository);
  const early = move.begun ? undefined : signal;
  const readFrom = performance.now();
  // A person who goes back decides over whatever is there; a policy must not.
  const overwrites = rollsBack && input.onlyFrom === undefined;
  const isFresh = overwrites && readFrom - (move.observedAt ?? Number.NEGATIVE_INFINITY) < waits.windowMs;
  const [targets, first] = await Promise.all([
    Promise.all(
      input.images.map(async (target) => ({
        target,
        manifest: await getManifest(registry, target.repository, target.to, early),
      })),
    ),
    isFresh
      ? move.observed
      : rollsBack || move.begun || move.lostContact
        ? observeLatest(registry, repositories, { signal: early, tolerant: rollsBack })
        : observeExpected(registry, input.images, waits, early),
  ]);
  const next = move.lostContact ? afterLostContact(move, first) : 'go-on';
  const begun = move.begun || (move.retried && isHalfMoved(input.images, first));
  const isAtTarget = input.images.every(({ repository, to }) => digestOf(first, repository) === to);
  // A read that shows the target soon after a move of ours may be from before it; and a rollback never trusts a read.
  const recent =
    rollsBack ||
    (await authorizer.movedWithin(waits.recentMs).catch((error: unknown) => {
      if (begun) return true;
      throw error;
    }));

  let unused: TagState[] | null = first;
  const lease = createWriteLease({
    windowMs: waits.windowMs,
    begun,
    onBegin: move.onBegin,
    pollMs: waits.pollMs,
    paced: rollsBack ? undefined : pacedPromotion,
    signal,
    async look(hasBegun) {
      // The lease of such a rollback does not depend on `:latest`, and a slow registry must not delay its write.
      if (overwrites) return [];
      // A lane that was silent, or a wait for a place, may have taken a minute since the first read: a person may have moved `:latest`.
      const latest = performance.now() - readFrom < waits.windowMs ? unused : null;
      unused = null;
      return (
        latest ?? observeLatest(registry, repositories, { signal: hasBegun ? undefined : signal, tolerant: rollsBack })
      );
    },
    ask: (hasBegun, latest) => authorizer.authorize({ begun: hasBegun, latest }),
  });
  const forMs = rollsBack ? waits.rollBackMs : waits.promoteMs;
  const isKept = ({ repository, to, unchanged }: MoveTarget) =>
    unchanged === true && !recent && digestOf(first, repository) === to;
  const written = input.images.filter((target) => !isKept(target));
  const pair = createPair(written.length, { forMs, forwardOnly: rollsBack, waits });
  const courses: Course[] = targets.map(({ target, manifest }): Course => {
    const { repository } = target;
    return {
      target,
      isKept: isKept(target),
      previous: previousOf(target, move.observed),
      registry,
      manifest,
      lease,
      pair,
      waits,
      trustsReads: !recent && digestOf(first, repository) !== target.to,
      overwrites,
      begun,
      inFlightUntil,
      others: () => courses.filter(({ target: other }) => other.repository !== repository),
      onTrouble: (digest, why) => move.onTrouble?.({ repository, digest, why }),
    };
  });

  const isDone = next === 'done' || (isAtTarget && !recent);
  // One that was away, or its predecessor, did it.
  const moved = begun || move.lostContact === true;
  if (isDone) {
    // Where an image without a target of its own belongs, and whether a mover that was away may still end so, only the lane knows.
    if (move.lostContact || input.images.some(({ unchanged }) => unchanged)) await lease.refresh();
    if (!move.retried)
      return courses.map((course) => toMovedImage(course, moved ? 'promoted' : 'already', course.target.to));
  }

  if (next === 'restore') {
    const why = `${input.afterEnded ? 'the mover before was terminated' : 'the mover had lost contact'}, and this one does not go forward`;
    return restoreAll(
      courses.map((course) => {
        const latest = digestOf(first, course.target.repository);
        return {
          course: { ...course, begun: true },
          own: { outcome: 'failed', sent: true, latest, why, inFlightUntil },
        };
      }),
    );
  }
  const found = ({ target }: Course): ImageMove => ({
    outcome: 'promoted',
    sent: false,
    latest: target.to,
    inFlightUntil,
  });
  let writes = await settle(
    courses.map(async (course) => ({
      course,
      own: isDone ? found(course) : await (course.isKept ? readKept(course) : moveImage(course)),
    })),
  );
  const hasFlown = writes.some(({ own }) => own.inFlightUntil > 0);
  await landed(writes.map(({ own }) => own));
  // An image that was read back first may have been moved from outside before the last one was written, or by what was in flight.
  if ((writes.length > 1 || hasFlown) && !writes.some(isLost))
    writes = await settle(writes.map(async (one) => ({ ...one, own: await readAgain(one.course, one.own) })));
  const isBroken = writes.some(isLost);
  const mustRestore = isBroken && !rollsBack && writes.some(({ course, own }) => own.latest !== course.target.to);
  const wasAtTarget = rollsBack && !isBroken && isAtTarget && !begun && !(await movedLately(move));
  const images = mustRestore
    ? await restoreAll(writes)
    : writes.map(({ course, own }) => {
        const wasThere = own.outcome === 'promoted' && (wasAtTarget || course.isKept || (isDone && !moved));
        return toMovedImage(course, wasThere ? 'already' : own.outcome, own.latest, own.why);
      });
  move.onSplit?.(pair.splitMs());
  return images;
}

/** Whether an image cannot reach its target: then those that have are restored, or named. */
const isLost = ({ own }: Written) => own.outcome === 'failed' || own.outcome === 'conflict';

/** What a mover that had lost contact does: goes on, restores its own half of a pair, or finds its work done. */
type AfterLostContact = 'go-on' | 'restore' | 'done';

/**
 * After lost contact a mover goes on only from what a move of ours left. What else is there is a person's newer decision.
 * @throws {MoveRefusal} if this attempt must write nothing.
 */
function afterLostContact({ registry, input, observed }: Move, latest: TagState[]): AfterLostContact {
  const images = input.images.map((target) => {
    const { repository, to, from } = target;
    const digest = digestOf(latest, repository);
    const isMoved = digest === to;
    const isKnown = isMoved || digest === from || digest === digestOf(observed, repository);
    return { isMoved, isKnown, isOurs: isMoved && from !== to };
  });
  const isKnown = images.every((image) => image.isKnown);
  if (input.kind === 'rollback' && isKnown) return 'go-on';
  if (images.every((image) => image.isMoved)) return 'done';
  if (input.kind === 'promotion' && isKnown && images.some((image) => image.isOurs)) return 'restore';
  const found = latest.map((image) => whereItStands(image, registry.latest));
  const since = input.afterEnded
    ? 'the mover before this one was terminated'
    : 'the mover had lost contact for over a minute';
  throw new MoveRefusal(
    'latest-moved',
    `${since}, and a person may have decided otherwise meanwhile; ${found.join('; ')}`,
    latest,
  );
}

/** Whether a move of ours ended lately; assumed if the lane does not answer: only `already` of a rollback depends on it. */
const movedLately = ({ authorizer, waits }: Move) => authorizer.movedWithin(waits.recentMs).catch(() => true);

/** Digest before the move; a repeated mover may find its own target there already. */
function previousOf(target: MoveTarget, observed: TagState[]): Digest | null {
  const digest = digestOf(observed, target.repository);
  return digest === target.to ? target.from : digest;
}

/** Whether one image is on its target and another is not: only a move of ours does that, so one has begun. */
function isHalfMoved(targets: MoveTarget[], latest: TagState[]): boolean {
  const toMove = targets.filter(({ from, to }) => from !== to);
  const moved = toMove.map(({ repository, to }) => digestOf(latest, repository) === to);
  return moved.includes(true) && moved.includes(false);
}
