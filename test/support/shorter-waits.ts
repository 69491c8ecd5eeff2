import { MOVE_WAITS, type MoveWaits } from '../../src/move/waits.js';

/** Factor by which `SHORTER_WAITS` are shorter than the defaults. */
export const SHORTER = 5;

/** Default waits of a move, each divided by the factor: a test divides the lag of its registry too, so the proportions stay. */
export const SHORTER_WAITS = Object.fromEntries(
  Object.entries(MOVE_WAITS).map(([name, ms]) => [name, ms / SHORTER]),
) as unknown as MoveWaits;
