import { MOVE_WAITS, type MoveWaits } from '../../src/move/waits.js';

/** By how much `SHORTER_WAITS` are shorter than what ships. */
export const SHORTER = 5;

/** The waits of a move as they ship, each a fifth: a test that makes its registry lag a fifth of what GHCR does keeps their proportions. */
export const SHORTER_WAITS = Object.fromEntries(
  Object.entries(MOVE_WAITS).map(([name, ms]) => [name, ms / SHORTER]),
) as unknown as MoveWaits;
