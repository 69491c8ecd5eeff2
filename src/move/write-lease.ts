import { setTimeout as delay } from 'node:timers/promises';
import type { MoveRefusalReason, TagState } from '../contract/move.js';

/** `retry`: read `:latest` and ask again. `lane-unavailable`: the lane did not answer, and a forced rollback goes on; its lease counts from now. */
export type LeaseAnswer = 'granted' | 'retry' | 'lane-unavailable';

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

/** The move is not allowed, or no longer. */
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

/** The write lease is too old to write; nothing was sent. */
export class LeaseExpired extends Error {
  override readonly name = 'LeaseExpired';
}

/** Lease that every write checks. */
export interface WriteLease {
  /** Ensures a fresh lease: asks only if the last one is stale, and once for all waiting writes.
   * @throws {MoveRefusal} */
  refresh(): Promise<void>;
  /** Called right before bytes go out.
   * @throws {LeaseExpired}, or the signal's reason before the first write; then nothing goes out. */
  assert(): void;
  /** Whether a PUT of this mover may have gone out: the lane renews the lease then without a look at `:latest`. */
  hasBegun(): boolean;
}

/**
 * A lease is valid for `windowMs` by both clocks: a worker that was frozen between the grant and the PUT sent an old promotion
 * after a completed rollback (docs/protocol.md, The write lease). The time counts from before the request, so that a slow
 * answer ages too; not from before the reads, or a slow registry would never get its second PUT.
 */
export function createWriteLease(given: {
  windowMs: number;
  /** An earlier attempt may have written. */
  begun: boolean;
  /** Reads `:latest` of each image, for the request. */
  look: (begun: boolean) => Promise<TagState[]>;
  /** Requests the lease; throws a `MoveRefusal` if it is refused. */
  ask: (begun: boolean, latest: TagState[]) => Promise<LeaseAnswer>;
  /** Delays a request before the first write; its lease must not age meanwhile. */
  paced?: (<T>(request: () => Promise<T>) => Promise<T>) | undefined;
  /** Pause before the next request, in milliseconds. */
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
  const request = async () => {
    const latest = await given.look(begun);
    const before = now();
    return { before, answer: await given.ask(begun, latest) };
  };
  const ask = async () => {
    for (;;) {
      // A pair that has begun is finished first.
      const { before, answer } = begun || !given.paced ? await request() : await given.paced(request);
      if (answer !== 'retry') {
        grantedAt = answer === 'lane-unavailable' ? now() : before;
        return;
      }
      // The reads may have been stale: the next request reads again.
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
    hasBegun: () => begun,
    assert() {
      if (!fresh()) throw new LeaseExpired('write lease expired');
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

/** Milliseconds by the clock that went further; a wall clock that was set back counts as much. */
function elapsed(since: Instant): number {
  const { wall, monotonic } = now();
  return Math.max(Math.abs(wall - since.wall), monotonic - since.monotonic);
}
