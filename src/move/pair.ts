import type { MoveWaits } from './waits.js';

/** What the images of one move know of one another: production runs two builds while only some of them have moved. */
export interface Pair {
  /** Whether the pair is made whole forward only, as in a rollback: an image goes on after a final refusal if another has moved. */
  readonly forwardOnly: boolean;
  /** Time until which an image may be tried, by `performance.now()`. It is short while only some images have moved. */
  deadline(): number;
  /** Records that an image is at its target: its PUT was answered, or a read showed it. */
  moved(image: object): void;
  /** Records that the first attempt of an image has ended, one way or the other. */
  tried(image: object): void;
  /** Whether each image was tried, and whether one has moved: then only forward makes the pair whole. */
  state(): { isTried: boolean; hasMoved: boolean };
  /** Milliseconds during which only some images had moved, until now. */
  splitMs(): number;
}

/** @param forwardOnly whether the pair is never restored, as in a rollback: then a split is no reason to stop. */
export function createPair(
  images: number,
  { forMs, forwardOnly, waits }: { forMs: number; forwardOnly: boolean; waits: MoveWaits },
): Pair {
  const began = performance.now();
  const moved = new Set<object>();
  const tried = new Set<object>();
  let splitAt: number | null = null;
  let wholeAt: number | null = null;
  const isSplit = () => splitAt !== null && wholeAt === null;
  return {
    forwardOnly,
    deadline: () =>
      isSplit() && !forwardOnly ? Math.min(began + forMs, (splitAt ?? 0) + waits.splitMs) : began + forMs,
    moved(image) {
      moved.add(image);
      splitAt ??= performance.now();
      if (moved.size === images) wholeAt ??= performance.now();
    },
    tried: (image) => void tried.add(image),
    state: () => ({ isTried: tried.size === images, hasMoved: moved.size > 0 }),
    splitMs: () => (splitAt === null ? 0 : (wholeAt ?? performance.now()) - splitAt),
  };
}
