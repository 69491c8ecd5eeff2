import { setTimeout as delay } from 'node:timers/promises';
import type { Digest, Repository, Tag } from '../contract/image.js';
import type { MoveOutcome } from '../contract/move.js';
import type { Manifest, Registry } from '../registry/context.js';
import { putTag } from '../registry/put-tag.js';
import { readTag } from '../registry/read-tag.js';
import { RegistryError } from '../registry/transport/errors.js';
import type { Pair } from './pair.js';
import type { MoveWaits } from './waits.js';
import { LeaseExpired, MoveRefusal, type WriteLease } from './write-lease.js';

/** How the writes of one image ended: `promoted` is written and read back; see `MOVE_OUTCOMES`. */
export interface ImageMove {
  outcome: Extract<MoveOutcome, 'promoted' | 'unconfirmed' | 'conflict' | 'failed'>;
  /** Whether bytes went out, answered or not. */
  sent: boolean;
  /** Digest of `:latest` in the last read. */
  latest: Digest | null;
  /** Why it could not be written. */
  why?: string | undefined;
  /** The registry refused for good: nothing was written. */
  refused?: boolean | undefined;
  /** Until when a PUT without an answer may still be carried out, by `performance.now()`; 0 if there was none. */
  inFlightUntil: number;
}

/** One image to write. */
export interface ImageTask {
  registry: Registry;
  /** Another tag than `:latest`. */
  tag?: Tag;
  /** Target of the tag. */
  manifest: Manifest;
  /** Digest from before the move, which reads may show for a while. */
  previous: Digest | null;
  lease: WriteLease;
  pair: Pair;
  waits: MoveWaits;
  /** A single read that shows the target proves a write without an answer: no recent move of ours put it there. */
  trustsReads: boolean;
  /** Writes over a third digest too, as a rollback does. */
  overwrites: boolean;
  /** An earlier attempt may have written. */
  begun: boolean;
  /** Until when one of its PUTs may still be carried out, by `performance.now()`. */
  inFlightUntil?: number;
  /** The other images of the move: if one was moved from outside, this one does not go on. */
  others?: () => readonly ReadTask[];
  /** Called after each failed write, and while reads do not show the target. */
  onTrouble?: ((latest: Digest | null, why: string) => void) | undefined;
}

/** One image to read. */
export type ReadTask = Pick<ImageTask, 'registry' | 'tag' | 'previous' | 'waits' | 'onTrouble'> & {
  manifest: Pick<Manifest, 'repository' | 'digest'>;
};

/**
 * Points `:latest` of one image at a manifest, and retries until the deadline of its pair: a fresh write lease, the write, the
 * read back. Once something was sent it returns an outcome, whatever fails.
 * @throws {MoveRefusal} if there is no write lease, or no longer; what was sent has settled by then.
 */
export async function moveImage(task: ImageTask): Promise<ImageMove> {
  const { registry, tag = registry.latest, manifest, lease, pair, waits } = task;
  const state: ImageMove = {
    outcome: 'failed',
    sent: false,
    latest: task.previous,
    why: 'no write lease granted in time',
    inFlightUntil: task.inFlightUntil ?? 0,
  };
  let settledAt = 0;
  const beforeSend = () => {
    lease.assert();
    state.sent = true;
    settledAt = performance.now() + waits.putTimeoutMs;
  };
  let answered = false;
  let pauseMs = waits.pollMs;
  try {
    do {
      const found = task.begun || lease.hasBegun() ? await foundConflict(task) : null;
      if (found !== null) return Object.assign(state, found);
      try {
        await lease.refresh();
        // The lease waits for reads that fail: by now one may show the write.
        if (answered && (await isAtTarget(task)))
          return Object.assign(state, { outcome: 'promoted', latest: manifest.digest } as const);
        settledAt = 0;
        await putTag(registry, manifest, tag, { timeoutMs: waits.putTimeoutMs, beforeSend });
      } catch (error) {
        if (isUnanswered(error)) state.inFlightUntil = Math.max(state.inFlightUntil, settledAt);
        if (error instanceof LeaseExpired) continue;
        if (error instanceof MoveRefusal || !(error instanceof RegistryError || state.sent || task.begun)) throw error;
        Object.assign(state, await afterFailure(task, state), { why: message(error), refused: !canHelp(error) });
        pair.tried(task);
        if (state.outcome !== 'failed' || (state.refused && !(await mustGoOn(task)))) return state;
        task.onTrouble?.(state.latest, message(error));
        const askedMs = error instanceof RegistryError ? (error.retryAfterMs ?? 0) : 0;
        const leftMs = pair.deadline() - performance.now();
        if (leftMs <= 0 || askedMs > leftMs) return state;
        await delay(Math.min(Math.max(pauseMs, askedMs), leftMs));
        pauseMs = Math.min(waits.maxPauseMs, 2 * pauseMs);
        continue;
      }
      answered = true;
      pair.tried(task);
      pair.moved(task);
      const until = Math.min(performance.now() + waits.verifyMs, pair.deadline());
      Object.assign(state, await readBack(task, until, task.previous), { why: undefined, refused: undefined });
    } while (performance.now() < pair.deadline() && (state.outcome === 'failed' || state.outcome === 'unconfirmed'));
    return state;
  } finally {
    pair.tried(task);
  }
}

const message = (error: unknown) => (error instanceof Error ? error.message : String(error));

/** Whether no one knows what became of a PUT: there was no answer, or only a proxy's. */
const isUnanswered = (error: unknown) =>
  error instanceof RegistryError && (error.status === undefined || (error.status >= 502 && error.status !== 503));

/** Waits until no PUT without an answer can be carried out any more: it would undo what is written, read or reported until then. */
export const landed = (writes: readonly Pick<ImageMove, 'inFlightUntil'>[]): Promise<void> =>
  delay(Math.max(0, ...writes.map(({ inFlightUntil }) => inFlightUntil - performance.now())));

/** Whether sending the same bytes again can help: not after a final refusal of the registry or of a credential helper. */
const canHelp = (error: unknown) =>
  error instanceof RegistryError && (error.kind === 'transient' || error.kind === 'integrity');

/** Whether an image that was refused for good is tried again: if the others have moved, and there is no way back. */
async function mustGoOn({ pair, waits }: ImageTask): Promise<boolean> {
  if (!pair.forwardOnly) return false;
  while (!pair.state().isTried) await delay(waits.pollMs);
  return pair.state().hasMoved;
}

/** Outcome of a failed PUT by reads: it may have been done without an answer, and others may have written meanwhile. */
async function afterFailure(task: ImageTask, state: ImageMove): Promise<Pick<ImageMove, 'outcome' | 'latest'>> {
  const { manifest, trustsReads, overwrites, pair, begun } = task;
  const latest = await readNow(task).catch(() => state.latest);
  if (latest === manifest.digest && (state.sent || begun)) {
    pair.moved(task);
    return trustsReads && state.sent ? { outcome: 'promoted', latest } : staysAtTarget(task);
  }
  if (latest === manifest.digest || overwrites || !isConflict(task, latest)) return { outcome: 'failed', latest };
  return { outcome: (await staysConflict(task)) ? 'conflict' : 'failed', latest };
}

/**
 * Outcome if an image of the move was moved from outside before a PUT that may not be the first: a person may have used the pause before it, and
 * the lane renews the lease of a move that has begun whatever is there. A read that fails questions nothing.
 */
async function foundConflict(task: ImageTask): Promise<Partial<ImageMove> | null> {
  if (task.overwrites) return null;
  const [own, ...others] = await Promise.all([task, ...(task.others?.() ?? [])].map(movedOutside));
  if (own) return { outcome: 'conflict', latest: own.latest };
  const other = others.find((one) => one !== null);
  return other ? { outcome: 'failed', why: `${other.repository} was moved from outside` } : null;
}

/** Another digest at `:latest` that stays; null without one. */
async function movedOutside(task: ReadTask): Promise<{ repository: Repository; latest: Digest | null } | null> {
  const latest = await readNow(task).catch(() => null);
  if (!isConflict(task, latest) || !(await staysConflict(task))) return null;
  return { repository: task.manifest.repository, latest };
}

/**
 * Reads until the target was shown for `steadyMs` without a break, which proves a write without an answer: no read lags behind
 * for as long as that. Another digest means that the write is sent again.
 */
async function staysAtTarget(task: ImageTask): Promise<Pick<ImageMove, 'outcome' | 'latest'>> {
  const { manifest, pair, waits, onTrouble } = task;
  let since = performance.now();
  let seen = since;
  for (;;) {
    await delay(waits.pollMs);
    const latest = await readNow(task).catch(() => undefined);
    const now = performance.now();
    if (latest === manifest.digest) {
      // Silence proves nothing.
      if (now - seen > waits.maxPauseMs) since = now;
      seen = now;
      if (now - since >= waits.steadyMs) return { outcome: 'promoted', latest };
      onTrouble?.(latest, 'the write was not answered; reads show the target');
    } else if (latest !== undefined) return { outcome: 'failed', latest };
    if (now >= pair.deadline()) return { outcome: 'unconfirmed', latest: manifest.digest };
  }
}

const readNow = ({ registry, tag = registry.latest, manifest }: ReadTask) =>
  readTag(registry, manifest.repository, tag);

/** Whether a read shows the target of a write that was answered: then it is not sent again, however long reads failed or lagged. */
const isAtTarget = (task: ReadTask): Promise<boolean> =>
  readNow(task).then(
    (latest) => latest === task.manifest.digest,
    () => false,
  );

const isConflict = ({ manifest, previous }: ReadTask, latest: Digest | null) =>
  latest !== null && latest !== manifest.digest && latest !== previous;

/** Whether a third digest is there, and still is after `surpriseMs`: a lagging read may show the move before the last. */
export async function staysConflict(task: ReadTask): Promise<boolean> {
  const { waits } = task;
  for (const until = performance.now() + waits.surpriseMs; ; await delay(waits.pollMs)) {
    const latest = await readNow(task).catch(() => null);
    if (!isConflict(task, latest)) return false;
    if (performance.now() >= until) return true;
  }
}

/**
 * Reads an image that was at its target once more; nothing is written. Between its own read back and the last write of the
 * pair, it may have been moved from outside.
 */
export async function readAgain(task: ReadTask, own: ImageMove): Promise<ImageMove> {
  if (own.outcome !== 'promoted') return own;
  const { outcome, latest } = await readBack(task, performance.now() + task.waits.verifyMs, task.manifest.digest);
  return { ...own, outcome, latest, ...(outcome !== 'promoted' && { why: ':latest left the target' }) };
}

/** Reads whether an image that was found at its target, and is not written, stays there. */
export const readKept = (task: ReadTask): Promise<ImageMove> =>
  readAgain(task, { outcome: 'promoted', sent: false, latest: task.manifest.digest, inFlightUntil: 0 });

/**
 * Reads until the target shows. The previous digest, or none, is a lagging read; a third digest counts if it stays.
 * @param until time of the last read, by `performance.now()`.
 * @param unread digest that counts as long as every read fails: a failed read does not question what is known.
 */
async function readBack(
  task: ReadTask,
  until: number,
  unread: Digest | null,
): Promise<Pick<ImageMove, 'outcome' | 'latest'>> {
  const { manifest, waits, onTrouble } = task;
  for (let latest = unread; ; await delay(waits.pollMs)) {
    const read = await readNow(task).catch(() => undefined);
    if (read !== undefined) latest = read;
    const isThere = latest === manifest.digest;
    if (read === manifest.digest) return { outcome: 'promoted', latest: read };
    if (isConflict(task, latest) && (await staysConflict(task))) return { outcome: 'conflict', latest };
    if (performance.now() >= until) return { outcome: isThere ? 'promoted' : 'unconfirmed', latest };
    if (!isThere) onTrouble?.(latest, 'the write was accepted; reads do not show it yet');
  }
}
