import { isCancellation, patched } from '@temporalio/workflow';
import { isSamePoint, type OpenPoint } from '../../src/contract/hold.js';
import { checksWith, type TenantSmoke } from '../../src/contract/tenants/check.js';
import type { Interruption } from '../../src/contract/tenants/watched.js';
import { describeInterruption } from '../../src/domain/fleet-watch.js';
import { unwrapFailure } from '../shared/failures.js';
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

/** Why a watch that failed has no proof. */
export const lostBy = (error: unknown): string =>
  isCancellation(error) ? 'no worker watched when its proof was needed' : unwrapFailure(error).message;

/** Records why the soak begins again although no tenant was interrupted: an approval before that no longer counts, and the person must learn it. */
export function noteLostProof({ state, feed }: Release, why: string): void {
  state.lostProof = { at: new Date().toISOString(), why };
  if (patched('lost-proof')) feed.emit({ type: 'interrupted', tenants: [], why });
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
  if ('red' in end) {
    const text = `RED while :latest was moved: ${noteRed(release, end.red)}`;
    release.notTested.push({ kind: 'red-while-moving', text });
  }
  if ('interrupted' in end) {
    noteInterruptions(release, end.interrupted);
    const first = end.interrupted.slice(0, SHOWN).map(describeInterruption);
    const text = `interrupted while :latest was moved: ${first.join('; ')}`;
    release.notTested.push({ kind: 'interrupted-while-moving', text });
  }
}

/** Most points of a kind that are noted one by one: a report has a limit. */
const MAX_NOTED = 50;

/** Notes points that a person accepted, each once; a last one counts those over the limit. */
export function noteOpen(
  { notTested }: Release,
  kind: OpenPoint['kind'],
  points: Required<Omit<OpenPoint, 'kind'>>[],
): void {
  const more = points.length - MAX_NOTED;
  const noted: OpenPoint[] = points.slice(0, MAX_NOTED).map((point) => ({ kind, ...point }));
  if (more > 0) noted.push({ kind, text: `and ${more} more` });
  notTested.push(...noted.filter((point) => !notTested.some((one) => isSamePoint(one, point))));
}
