import { setTimeout as delay } from 'node:timers/promises';
import { type Digest, LATEST, type Tag } from '../contract/image.js';
import type { MoveOutcome } from '../contract/move.js';
import type { Manifest, Registry } from '../registry/context.js';
import { putTag } from '../registry/put-tag.js';
import { readTag } from '../registry/read-tag.js';
import { RegistryError } from '../registry/transport/errors.js';
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
  waits: MoveWaits;
  /** A read that shows the target proves a write without an answer: no recent move of ours put it there. */
  trustsReads: boolean;
  /** Writes over a third digest too, as a rollback does. */
  overwrites: boolean;
  /** An earlier attempt may have written. */
  begun: boolean;
}

/**
 * Points `:latest` of one image at a manifest, and retries until `forMs` milliseconds have passed: a fresh write lease, the
 * write, the read back. Once something was sent it returns an outcome, whatever fails.
 * @throws {MoveRefusal} if there is no write lease, or no longer; what was sent has settled by then.
 */
export async function moveImage(task: ImageTask, forMs: number): Promise<ImageMove> {
  const { registry, tag = LATEST, manifest, lease, waits } = task;
  const deadline = performance.now() + forMs;
  const state: ImageMove = {
    outcome: 'failed',
    sent: false,
    latest: task.previous,
    why: 'no write lease granted in time',
  };
  const beforeSend = () => {
    lease.assert();
    state.sent = true;
  };
  do {
    try {
      await lease.refresh();
      await putTag(registry, manifest, tag, { timeoutMs: waits.putTimeoutMs, beforeSend });
    } catch (error) {
      if (error instanceof LeaseExpired) continue;
      if (error instanceof MoveRefusal || !(error instanceof RegistryError || state.sent || task.begun)) throw error;
      Object.assign(state, await afterFailure(task, state), { why: message(error), refused: !canHelp(error) });
      const wait = Math.max(waits.pollMs, error instanceof RegistryError ? (error.retryAfterMs ?? 0) : 0);
      if (state.outcome !== 'failed' || state.refused || performance.now() + wait >= deadline) return state;
      await delay(wait);
      continue;
    }
    Object.assign(state, await readBack(task, deadline), { why: undefined, refused: undefined });
  } while (performance.now() < deadline && (state.outcome === 'failed' || state.outcome === 'unconfirmed'));
  return state;
}

const message = (error: unknown) => (error instanceof Error ? error.message : String(error));

/** Whether sending the same bytes again can help: not after a final refusal of the registry or of a credential helper. */
const canHelp = (error: unknown) =>
  error instanceof RegistryError && (error.kind === 'transient' || error.kind === 'integrity');

/** Outcome of a failed PUT, by a read where reads are trusted: it may have been done without an answer, and others may have written meanwhile. */
async function afterFailure(task: ImageTask, state: ImageMove): Promise<Pick<ImageMove, 'outcome' | 'latest'>> {
  const { manifest, trustsReads, overwrites } = task;
  const latest = await readNow(task).catch(() => state.latest);
  if (latest === manifest.digest) return { outcome: state.sent && trustsReads ? 'promoted' : 'failed', latest };
  if (overwrites || !isConflict(task, latest)) return { outcome: 'failed', latest };
  return { outcome: (await staysConflict(task)) ? 'conflict' : 'failed', latest };
}

const readNow = ({ registry, tag = LATEST, manifest }: ImageTask) => readTag(registry, manifest.repository, tag);

const isConflict = ({ manifest, previous }: ImageTask, latest: Digest | null) =>
  latest !== null && latest !== manifest.digest && latest !== previous;

/** Whether a third digest is there, and still is after `surpriseMs`: a lagging read may show the move before the last. */
export async function staysConflict(task: ImageTask): Promise<boolean> {
  const { waits } = task;
  for (const until = performance.now() + waits.surpriseMs; ; await delay(waits.pollMs)) {
    const latest = await readNow(task).catch(() => null);
    if (!isConflict(task, latest)) return false;
    if (performance.now() >= until) return true;
  }
}

/** Reads until the target shows. The previous digest, or none, is a lagging read; a third digest counts if it stays. */
async function readBack(task: ImageTask, deadline: number): Promise<Pick<ImageMove, 'outcome' | 'latest'>> {
  const { manifest, previous, waits } = task;
  const lagUntil = Math.min(performance.now() + waits.verifyMs, deadline);
  for (let latest = previous; ; await delay(waits.pollMs)) {
    // A failed read does not question a write that the registry accepted.
    latest = await readNow(task).catch(() => previous);
    if (latest === manifest.digest) return { outcome: 'promoted', latest };
    if (isConflict(task, latest) && (await staysConflict(task))) return { outcome: 'conflict', latest };
    if (performance.now() >= lagUntil) return { outcome: 'unconfirmed', latest };
  }
}
