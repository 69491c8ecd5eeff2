import { setTimeout as delay } from 'node:timers/promises';
import { type Digest, LATEST, type Tag } from '../contract/image.js';
import type { Manifest, Registry } from '../registry/context.js';
import { putTag } from '../registry/put-tag.js';
import { readTag } from '../registry/read-tag.js';
import { RegistryError } from '../registry/transport/errors.js';
import type { MoveWaits } from './waits.js';
import { LeaseExpired, MoveRefusal, type WriteLease } from './write-lease.js';

/**
 * - `there`: the manifest is at `:latest`: written and read back.
 * - `unseen`: the registry took the write, but reads do not show it.
 * - `third`: somebody else's digest is there.
 * - `failed`: it could not be written.
 */
export type ImageEnd = 'there' | 'unseen' | 'third' | 'failed';

export interface ImageMove {
  end: ImageEnd;
  /** Whether bytes went out, answered or not. */
  sent: boolean;
  /** What `:latest` answered last. */
  latest: Digest | null;
  /** Why it could not be written. */
  why?: string | undefined;
  /** The registry said no, and would again: nothing was written. */
  refused?: boolean | undefined;
}

/** What moving one image needs to know. */
export interface ImageTask {
  registry: Registry;
  /** Another tag than `:latest`. */
  tag?: Tag;
  /** What the tag shall point at. */
  manifest: Manifest;
  /** What stood there before, and reads may show for a while. */
  previous: Digest | null;
  gate: WriteLease;
  waits: MoveWaits;
  /** A read that shows the target after a write without an answer proves that write: nothing of ours stood there lately. */
  trustsReads: boolean;
  /** Writes over somebody else's digest too, as a rollback does. */
  overwrites: boolean;
  /** A try before this one may have written. */
  begun: boolean;
}

/**
 * Points `:latest` of one image at a manifest, and tries until `forMs` have passed: a fresh yes, the write, the read back.
 * Once something was sent it ends with a name for where the image is, whatever fails.
 * @throws {MoveRefusal} when there is no yes (any more); what was sent has settled by then.
 */
export async function moveImage(task: ImageTask, forMs: number): Promise<ImageMove> {
  const { registry, tag = LATEST, manifest, gate, waits } = task;
  const deadline = performance.now() + forMs;
  const state: ImageMove = {
    end: 'failed',
    sent: false,
    latest: task.previous,
    why: 'no yes came in time to write on',
  };
  const beforeSend = () => {
    gate.assert();
    state.sent = true;
  };
  do {
    try {
      await gate.refresh();
      await putTag(registry, manifest, tag, { timeoutMs: waits.putTimeoutMs, beforeSend });
    } catch (error) {
      if (error instanceof LeaseExpired) continue;
      if (error instanceof MoveRefusal || !(error instanceof RegistryError || state.sent || task.begun)) throw error;
      Object.assign(state, await afterFailure(task, state), { why: message(error), refused: !canHelp(error) });
      const wait = Math.max(waits.pollMs, error instanceof RegistryError ? (error.retryAfterMs ?? 0) : 0);
      if (state.end !== 'failed' || state.refused || performance.now() + wait >= deadline) return state;
      await delay(wait);
      continue;
    }
    Object.assign(state, await readBack(task, deadline), { why: undefined, refused: undefined });
  } while (performance.now() < deadline && (state.end === 'failed' || state.end === 'unseen'));
  return state;
}

const message = (error: unknown) => (error instanceof Error ? error.message : String(error));

/** The same bytes may simply be sent again, unless the registry, or our own credentials' helper, said no to them. */
const canHelp = (error: unknown) =>
  error instanceof RegistryError && (error.kind === 'transient' || error.kind === 'integrity');

/** A PUT without an answer may have been done, and somebody else may have written meanwhile: what can be read tells, where it can be trusted. */
async function afterFailure(task: ImageTask, state: ImageMove): Promise<Pick<ImageMove, 'end' | 'latest'>> {
  const { manifest, trustsReads, overwrites } = task;
  const latest = await readNow(task).catch(() => state.latest);
  if (latest === manifest.digest) return { end: state.sent && trustsReads ? 'there' : 'failed', latest };
  if (overwrites || !isThird(task, latest)) return { end: 'failed', latest };
  return { end: (await staysThird(task)) ? 'third' : 'failed', latest };
}

const readNow = ({ registry, tag = LATEST, manifest }: ImageTask) => readTag(registry, manifest.repository, tag);

const isThird = ({ manifest, previous }: ImageTask, latest: Digest | null) =>
  latest !== null && latest !== manifest.digest && latest !== previous;

/** Whether somebody else's digest is there, and still is after `surpriseMs`: a lagging registry may show the move before the last. */
export async function staysThird(task: ImageTask): Promise<boolean> {
  const { waits } = task;
  for (const until = performance.now() + waits.surpriseMs; ; await delay(waits.pollMs)) {
    const latest = await readNow(task).catch(() => null);
    if (!isThird(task, latest)) return false;
    if (performance.now() >= until) return true;
  }
}

/** Reads until the target shows. The digest from before, or none, is a read that lags; any other is somebody else's, if it stays. */
async function readBack(task: ImageTask, deadline: number): Promise<Pick<ImageMove, 'end' | 'latest'>> {
  const { manifest, previous, waits } = task;
  const lagUntil = Math.min(performance.now() + waits.verifyMs, deadline);
  for (let latest = previous; ; await delay(waits.pollMs)) {
    // A read that fails says nothing about the write that the registry took.
    latest = await readNow(task).catch(() => previous);
    if (latest === manifest.digest) return { end: 'there', latest };
    if (isThird(task, latest) && (await staysThird(task))) return { end: 'third', latest };
    if (performance.now() >= lagUntil) return { end: 'unseen', latest };
  }
}
