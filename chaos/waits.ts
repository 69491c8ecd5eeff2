import { MOVE_WAITS, type MoveWaits } from '../src/move/waits.js';

/** By how much chaos shortens a lag of reads, and the four waits of a move that answer it. */
export const SCALE = 10;
/** Longest lag that the gate promises to bear, in milliseconds. */
const LAG_MS = MOVE_WAITS.verifyMs;

/** Waits of a move in most plans. The write lease, its window and the time limit of a PUT are the real ones. */
const SHORT: Partial<MoveWaits> = {
  verifyMs: MOVE_WAITS.verifyMs / SCALE,
  surpriseMs: MOVE_WAITS.surpriseMs / SCALE,
  recentMs: MOVE_WAITS.recentMs / SCALE,
  steadyMs: MOVE_WAITS.steadyMs / SCALE,
  pollMs: 250,
  maxPauseMs: 500,
  splitMs: 6_000,
  // Longer than a write lease: a frozen writer may go on after it.
  promoteMs: 25_000,
  rollBackMs: 25_000,
  restoreMs: 6_000,
};

/** Waits of the workers of a plan, and the longest lag of reads that it has: both real, or both shortened. */
export const waitsOf = (hasRealWaits: boolean) =>
  hasRealWaits ? { waits: {}, staleMs: LAG_MS } : { waits: SHORT, staleMs: LAG_MS / SCALE };
