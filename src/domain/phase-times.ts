import type { PhaseTime } from '../contract/release.js';

/** Closes the open visit, which began at `began`, at `at` (both ISO 8601). */
export function leavePhase(times: PhaseTime[], began: string, at: string): PhaseTime[] {
  const visited = Date.parse(at) - Date.parse(began);
  return times.map((time) => (time.until === null ? { ...time, until: at, ms: time.ms + visited } : time));
}

/** Closes the open visit and opens one of the next phase. Staying in the same phase is not a new visit. */
export function enterPhase(
  times: PhaseTime[],
  began: string,
  at: string,
  next: Pick<PhaseTime, 'phase' | 'hold'>,
): PhaseTime[] {
  const isNext = ({ phase, hold }: PhaseTime) => phase === next.phase && hold === next.hold;
  const stays = times.some((time) => time.until === null && isNext(time));
  const closed = leavePhase(times, began, at);
  if (next.phase === 'done') return closed;
  if (!closed.some(isNext)) return [...closed, { ...next, since: at, until: null, ms: 0, visits: 1 }];
  return closed.map((time) => (isNext(time) ? { ...time, until: null, visits: time.visits + (stays ? 0 : 1) } : time));
}
