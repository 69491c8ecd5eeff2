import type { PhaseTime } from '../contract/release.js';

/** Ends the visit that began at `began` and goes on at `at` (both ISO 8601). */
export function leavePhase(times: PhaseTime[], began: string, at: string): PhaseTime[] {
  const visited = Date.parse(at) - Date.parse(began);
  return times.map((time) => (time.until === null ? { ...time, until: at, ms: time.ms + visited } : time));
}

/** The same, and begins one of the next phase. Going on in the same phase is no new visit. */
export function enterPhase(
  times: PhaseTime[],
  began: string,
  at: string,
  next: Pick<PhaseTime, 'phase' | 'hold'>,
): PhaseTime[] {
  const isNext = ({ phase, hold }: PhaseTime) => phase === next.phase && hold === next.hold;
  const stays = times.some((time) => time.until === null && isNext(time));
  const left = leavePhase(times, began, at);
  if (next.phase === 'done') return left;
  if (!left.some(isNext)) return [...left, { ...next, since: at, until: null, ms: 0, visits: 1 }];
  return left.map((time) => (isNext(time) ? { ...time, until: null, visits: time.visits + (stays ? 0 : 1) } : time));
}
