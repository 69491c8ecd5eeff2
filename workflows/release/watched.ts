import { checksWith, type TenantSmoke } from '../../src/contract/tenants/check.js';
import type { Interruption } from '../../src/contract/tenants/watched.js';
import { describeInterruption } from '../../src/domain/fleet-watch.js';
import type { Release } from './context.js';

/** Most interruptions that a run keeps. */
const KEPT = 20;
/** Most interruptions in one line of text. */
const SHOWN = 5;

/** Records interruptions, for `status` and report. */
export function noteInterruptions({ state, feed }: Release, interrupted: Interruption[]): void {
  state.interruptions = [...(state.interruptions ?? []), ...interrupted].slice(-KEPT);
  const tenants = interrupted.map(({ tenant }) => tenant);
  feed.emit({ type: 'interrupted', tenants, why: interrupted.slice(0, SHOWN).map(describeInterruption).join('; ') });
}

/** Ends the open interruptions: every tenant runs the build again. */
export function endInterruptions({ state }: Release): void {
  if (!state.interruptions) return;
  const to = new Date().toISOString();
  state.interruptions = state.interruptions.map((one) => (one.to === null ? { ...one, to } : one));
}

/** Records what turned RED, beside the results of the other tenants. Returns the failed checks, one line. */
export function noteRed({ state }: Release, red: TenantSmoke[]): string {
  const others = state.tenants.filter(({ tenant }) => !red.some((one) => one.tenant === tenant));
  state.tenants = [...others, ...red];
  return checksWith('fail', red).join(', ');
}

/** Records what the watch saw while `:latest` was moved, which could not stop the move any more. */
export function noteEndDuringMove(release: Release): void {
  const end = release.watch?.end ?? null;
  if (end === null) return;
  if ('red' in end) release.notTested.push(`RED while :latest was moved: ${noteRed(release, end.red)}`);
  if ('interrupted' in end) {
    noteInterruptions(release, end.interrupted);
    const first = end.interrupted.slice(0, SHOWN).map(describeInterruption);
    release.notTested.push(`interrupted while :latest was moved: ${first.join('; ')}`);
  }
}
