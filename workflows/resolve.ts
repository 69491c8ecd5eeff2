import { isCancellation } from '@temporalio/workflow';
import type { HoldName } from '../src/contract/hold.js';
import type { Plan, ReleaseInput } from '../src/contract/release.js';
import { shortSha } from '../src/contract/sha.js';
import type { Release, RunContext } from './release/context.js';
import { planReads, registryReads } from './shared/activity-options.js';
import { holdFor } from './shared/decisions.js';
import { setPhase, unwrapFailure } from './shared/run.js';

/** Faults that may mend themselves; after some patience a human is asked whether to go on trying. */
export const HELD_FAULTS: Record<string, HoldName> = {
  RegistryUnavailable: 'registry-down',
  SecretMissing: 'secret-missing',
  TimedOut: 'timed-out',
};

/** Reads the plan that the run goes by to its end. */
export async function openPlan(desk: RunContext, input: ReleaseInput): Promise<Plan> {
  setPhase(desk.state, 'resolving', 'reading the plan');
  const plan = await planReads().loadPlan(input);
  desk.holdTimeoutMs = plan.holdTimeoutMs;
  desk.holdGraceMs = plan.holdGraceMs;
  return plan;
}

/** Reads the digest of each image, and where `:latest` stands. From here on only these count; who starts over has seen `:latest` before (I8). */
export async function pinDigests(release: Release): Promise<void> {
  const { input, plan, state } = release;
  const seen = release.pinned;
  const read = await holdOnFault(release, () => {
    setPhase(state, 'resolving', 'reading the digest of each image');
    return registryReads(plan, `pin the digests of ${shortSha(input.sha)}`).resolveBuild(input.sha, plan.images);
  });
  release.pinned = read.map((image, index) => ({ ...image, latest: (seen[index] ?? image).latest }));
  state.images = release.pinned;
}

/** A step that no worker took in time is begun once more: none was there, and being here shows that one is again. */
export async function retryOnceAfterTimeout<T>(step: () => Promise<T>): Promise<T> {
  try {
    return await step();
  } catch (error) {
    if (isCancellation(error) || unwrapFailure(error).type !== 'TimedOut') throw error;
    return step();
  }
}

/** Runs a step again each time somebody says `retry` to the hold that its fault led to. */
export async function holdOnFault<T>(desk: RunContext, step: () => Promise<T>): Promise<T> {
  for (;;)
    try {
      return await retryOnceAfterTimeout(step);
    } catch (error) {
      if (isCancellation(error)) throw error;
      const { type, message } = unwrapFailure(error);
      const hold = HELD_FAULTS[type ?? ''];
      if (hold === undefined) throw error;
      await holdFor(desk, hold, message);
    }
}
