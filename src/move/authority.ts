import type { ObservedImage } from '../domain/move.js';

/** `later`: look again, and ask again. `unheard`: nobody said anything, and it goes on by force; that counts from now. */
// biome-ignore lint/suspicious/noConfusingVoidType: a yes needs no word.
export type Said = 'later' | 'unheard' | void;

/** Who says whether a move may go out: the lane, once there is one. */
export interface Authority {
  /**
   * May it go out at this very moment? Asked anew for each window of writes.
   * @param ask.begun a PUT of this mover may have gone out: the yes then stands, so that a retried attempt can finish its pair.
   * @param ask.latest where `:latest` of each image was read just now.
   * @returns nothing for a yes.
   * @throws {MoveRefusal} when it may not.
   */
  authorize(ask: { begun: boolean; latest: ObservedImage[] }): Promise<Said>;
  /** Whether a move of ours ended within the last `ms`: then a read may still show what was before it. */
  movedWithin(ms: number): Promise<boolean>;
}
