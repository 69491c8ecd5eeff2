import { setTimeout as delay } from 'node:timers/promises';
import type { MoveRefusalReason, TagState } from '../contract/move.js';

/** `retry`: read `:latest` and ask again. `unheard`: the lane did not answer, and a forced rollback goes on; its lease counts from now. */
export type LeaseAnswer = 'granted' | 'retry' | 'unheard';

/** Grants write leases: the lane, or the person who moves a tag while Temporal is down. */
export interface MoveAuthorizer {
  /**
   * Asks for a write lease, again for each window of writes.
   * @param ask.begun a PUT of this mover may have gone out: its lease is renewed, so that a retried attempt can finish its pair.
   * @param ask.latest where `:latest` of each image was read just now.
   * @throws {MoveRefusal} when it may not write.
   */
  authorize(ask: { begun: boolean; latest: TagState[] }): Promise<LeaseAnswer>;
  /** Whether a move of ours ended within the last `ms`: then a read may still show the state before it. */
  movedWithin(ms: number): Promise<boolean>;
}

/** The move is not allowed, or not any more. */
export class MoveRefusal extends Error {
  override readonly name = 'MoveRefusal';
  constructor(
    readonly refusal: MoveRefusalReason,
    message: string,
    /** Where `:latest` of each image stands, where that is the reason or what an approval would write over. */
    readonly latest?: TagState[],
  ) {
    super(message);
  }
}

/** The last yes is too old to write on; nothing was sent. */
export class LeaseExpired extends Error {
  override readonly name = 'LeaseExpired';
}

/** What every write passes. */
export interface WriteLease {
  /** Makes sure of a fresh yes: asks only when the last one is stale, and once for all who wait.
   * @throws {MoveRefusal} */
  refresh(): Promise<void>;
  /** Called right before bytes go out.
   * @throws {LeaseExpired}, or the signal's reason before the first write; then nothing goes out. */
  assert(): void;
}

/**
 * A yes stands for `windowMs` by both clocks: a worker that was frozen between the yes and the PUT sent an old promotion
 * after a completed rollback (protocol §3). The time counts from before the question, so that a slow answer ages too; not
 * from before the look, or a slow registry would never get its second PUT.
 */
export function createWriteLease(given: {
  windowMs: number;
  /** A write may have gone out before. */
  begun: boolean;
  /** Reads what the question is about. */
  look: (begun: boolean) => Promise<TagState[]>;
  /** Asks for a yes; throws a `MoveRefusal` for a no. */
  ask: (begun: boolean, latest: TagState[]) => Promise<LeaseAnswer>;
  /** Before it asks again, in milliseconds. */
  pollMs: number;
  /** Called before the first write. */
  onBegin: () => void;
  /** Heeded until the first write. */
  signal?: AbortSignal | undefined;
}): WriteLease {
  let begun = given.begun;
  let grantedAt: Instant | null = null;
  let asking: Promise<void> | null = null;
  const fresh = () => grantedAt !== null && elapsed(grantedAt) < given.windowMs;
  const ask = async () => {
    for (;;) {
      const latest = await given.look(begun);
      const before = now();
      const answer = await given.ask(begun, latest);
      if (answer !== 'retry') {
        grantedAt = answer === 'unheard' ? now() : before;
        return;
      }
      // What was read may have been old: the next question is about what stands there by then.
      await delay(given.pollMs);
      if (!begun) given.signal?.throwIfAborted();
    }
  };
  return {
    async refresh() {
      if (fresh()) return;
      asking ??= ask().finally(() => {
        asking = null;
      });
      await asking;
    },
    assert() {
      if (!fresh()) throw new LeaseExpired('the yes is too old to write on');
      if (begun) return;
      given.signal?.throwIfAborted();
      given.onBegin();
      begun = true;
    },
  };
}

interface Instant {
  wall: number;
  monotonic: number;
}

const now = (): Instant => ({ wall: Date.now(), monotonic: performance.now() });

/** By whichever clock went further; a wall clock that was set back counts as much. */
function elapsed(since: Instant): number {
  const { wall, monotonic } = now();
  return Math.max(Math.abs(wall - since.wall), monotonic - since.monotonic);
}
