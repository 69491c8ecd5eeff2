/** Waits of a move, in milliseconds (docs/protocol.md, The move). Tests shorten them; they are not settings. */
export interface MoveWaits {
  /** Life of a write lease: a worker frozen for longer must ask again before it writes. */
  windowMs: number;
  /** One PUT. The lane waits for a silent mover as long as this and the window together. */
  putTimeoutMs: number;
  /** Longest lag of reads behind a write before the write is sent again. */
  verifyMs: number;
  /** How long an unexpected digest is read again before it counts (GHCR serves stale tags for 15-30 s). */
  surpriseMs: number;
  /** After a move of ours, how long a read proves nothing. */
  recentMs: number;
  /** After a PUT without an answer: how long reads must show the target, without a break, to prove the write. */
  steadyMs: number;
  /** Pause between two reads, and after the first failed PUT. */
  pollMs: number;
  /** Longest pause after a failed PUT; it doubles from one to the next. */
  maxPauseMs: number;
  /** How long a promotion retries while nothing has moved. */
  promoteMs: number;
  /** How long a promotion retries once one image has moved: production runs two builds. Then it restores. */
  splitMs: number;
  /** How long a rollback retries: production is broken, and there is nothing better to go back to. */
  rollBackMs: number;
  /** How long a restore is retried. */
  restoreMs: number;
  /** Silence after which a mover has lost contact: by then a person may have moved `:latest` without the lane. */
  lostMs: number;
  /** How long the lane may be silent before the mover gives up, and an automatic rollback, which awaits another move as long, is left to a person. */
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
  steadyMs: MINUTE,
  pollMs: 500,
  maxPauseMs: 10 * SECOND,
  promoteMs: 5 * MINUTE,
  splitMs: 30 * SECOND,
  rollBackMs: 15 * MINUTE,
  restoreMs: 3 * MINUTE,
  lostMs: MINUTE,
  silenceMs: MINUTE,
};
