import { setTimeout as delay } from 'node:timers/promises';
import { type Digest, LATEST } from '../domain/image.js';
import { RegistryError } from '../registry/errors.js';
import type { Manifest } from '../registry/get-manifest.js';
import { putTag } from '../registry/put-tag.js';
import { readTag } from '../registry/read-tag.js';
import type { Registry } from '../registry/registry.js';
import { StaleYes, type WriteGate } from './gate.js';
import type { MoveWaits } from './waits.js';

/**
 * - `there`: the manifest is at `:latest`, read back.
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
  error?: RegistryError;
}

/** What moving one image needs to know. */
export interface ImageTask {
  registry: Registry;
  /** What `:latest` shall point at. */
  manifest: Manifest;
  /** What stood there before, and reads may show for a while. */
  previous: Digest | null;
  gate: WriteGate;
  waits: MoveWaits;
}

/**
 * Points `:latest` of one image at a manifest, and tries until `forMs` have passed: a fresh yes, the write, the read back.
 * @throws {MoveRefusal} when there is no yes (any more); what was sent has settled by then.
 */
export async function moveImage(task: ImageTask, forMs: number): Promise<ImageMove> {
  const { registry, manifest, gate, waits } = task;
  const deadline = performance.now() + forMs;
  const state: ImageMove = { end: 'failed', sent: false, latest: task.previous };
  const beforeSend = () => {
    gate.pass();
    state.sent = true;
  };
  do {
    try {
      await gate.renew();
      await putTag(registry, manifest, LATEST, { timeoutMs: waits.putTimeoutMs, beforeSend });
    } catch (error) {
      if (error instanceof StaleYes) continue;
      if (!(error instanceof RegistryError)) throw error;
      // A PUT without an answer may have been done: what can be read decides.
      const latest = await readTag(registry, manifest.repository, LATEST).catch(() => state.latest);
      if (state.sent && latest === manifest.digest) return { ...state, end: 'there', latest };
      Object.assign(state, { end: 'failed', latest, error });
      if (!canHelp(error)) return state;
      await delay(Math.max(waits.pollMs, error.retryAfterMs ?? 0));
      continue;
    }
    Object.assign(state, await readBack(task, deadline), { error: undefined });
  } while (performance.now() < deadline && (state.end === 'failed' || state.end === 'unseen'));
  return state;
}

/** The same bytes may simply be sent again, unless the registry said no to them. */
const canHelp = (error: RegistryError) => error.kind === 'transient' || error.kind === 'integrity';

/**
 * Reads until the target shows. The digest from before, or none, is a read that lags. Any other one counts when it has been
 * there for `surpriseMs`: a lagging registry may still show the move before the last.
 */
async function readBack({ registry, manifest, previous, waits }: ImageTask, deadline: number) {
  const lagUntil = Math.min(performance.now() + waits.verifyMs, deadline);
  let latest = previous;
  let since = performance.now();
  for (;;) {
    // A read that fails says nothing about the write that the registry took.
    const now = await readTag(registry, manifest.repository, LATEST).catch(() => latest);
    if (now !== latest) since = performance.now();
    latest = now;
    if (latest === manifest.digest) return { end: 'there', latest } as const;
    const lags = latest === null || latest === previous;
    if (lags && performance.now() >= lagUntil) return { end: 'unseen', latest } as const;
    if (!lags && performance.now() - since >= waits.surpriseMs) return { end: 'third', latest } as const;
    await delay(waits.pollMs);
  }
}
