import type { Interruption } from '../../src/contract/tenants/watched.js';
import { describeInterruption } from '../../src/domain/fleet-watch.js';
import type { Release } from './context.js';

/** Most interruptions that a run keeps. */
const KEPT = 20;

/** Records interruptions, for `status` and report. */
export function noteInterruptions({ state, feed }: Release, interrupted: Interruption[]): void {
  state.interruptions = [...(state.interruptions ?? []), ...interrupted].slice(-KEPT);
  const tenants = interrupted.map(({ tenant }) => tenant);
  feed.emit({ type: 'interrupted', tenants, why: interrupted.map(describeInterruption).join('; ') });
}

/** Ends the open interruptions: every tenant runs the build again. */
export function endInterruptions({ state }: Release): void {
  if (!state.interruptions) return;
  const to = new Date().toISOString();
  state.interruptions = state.interruptions.map((one) => (one.to === null ? { ...one, to } : one));
}
