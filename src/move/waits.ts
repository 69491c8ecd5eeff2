/** The waits of a move, in milliseconds (protocol §3). Tests shorten them; they are arguments, never settings. */
export interface MoveWaits {
  /** How long a yes stands: a worker frozen for longer has to ask again before it writes. */
  windowMs: number;
  /** One PUT. Together with the window it is what the lane waits for a mover that went silent. */
  putTimeoutMs: number;
  /** How long reads may lag behind a write before the write is sent again. */
  verifyMs: number;
  /** How long another digest than expected is read again before it counts (GHCR serves stale tags for 15-30 s). */
  surpriseMs: number;
  /** How long after a move of ours a read proves nothing yet. */
  recentMs: number;
  /** Between two reads, or after a failed PUT. */
  pollMs: number;
  /** How long a promotion tries to move forward before it gives up and puts back. */
  promoteMs: number;
  /** The same for a rollback: production burns, and there is nothing better to go back to. */
  rollBackMs: number;
  /** How long putting back is tried. */
  restoreMs: number;
  /** How long nobody may answer whether the move is allowed. */
  silenceMs: number;
}

const SECOND = 1_000;
const MINUTE = 60 * SECOND;

export const MOVE_WAITS: Readonly<MoveWaits> = {
  windowMs: 2 * SECOND,
  putTimeoutMs: 10 * SECOND,
  verifyMs: 30 * SECOND,
  surpriseMs: 30 * SECOND,
  recentMs: MINUTE,
  pollMs: 500,
  promoteMs: 5 * MINUTE,
  rollBackMs: 15 * MINUTE,
  restoreMs: 3 * MINUTE,
  silenceMs: MINUTE,
};
