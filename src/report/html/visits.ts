import type { DeliveredEvent } from '../../contract/events.js';
import type { PhaseTime, ReleasePhase } from '../../contract/release.js';
import type { Stretch } from './scale.js';

/** One visit of a run to a phase. */
export interface Visit extends Stretch {
  phase: ReleasePhase;
  hold?: string;
  /** Whether it goes on. */
  isOpen: boolean;
}

/** Visits of a run, by the events that it told; by its times, which join the visits of a phase, if the events are gone.
 * @param until end of the run, or now. */
export function visitsOf(events: DeliveredEvent[], phases: PhaseTime[], until: number, isOpen: boolean): Visit[] {
  const entered = events.filter((event) => event.type === 'phase-entered' && event.phase !== 'done');
  const visits = entered.map((event, index): Visit => {
    const from = Date.parse(event.at);
    const next = entered[index + 1];
    const to = next === undefined ? until : Date.parse(next.at);
    const held = events.find((one) => one.type === 'held' && Date.parse(one.at) >= from && Date.parse(one.at) <= to);
    const { phase } = event as Extract<DeliveredEvent, { type: 'phase-entered' }>;
    const isWait = phase === 'held' || phase === 'awaiting-approval';
    return {
      phase,
      from,
      to: Math.max(from, to),
      isOpen: isOpen && next === undefined,
      ...(isWait && held?.type === 'held' && { hold: held.hold }),
    };
  });
  if (visits.length > 0) return visits;
  return phases.map(({ phase, hold, since, until: end }) => ({
    phase,
    from: Date.parse(since),
    to: end === null ? until : Date.parse(end),
    isOpen: end === null,
    ...(hold && { hold }),
  }));
}

/** `held: approval` */
export const nameOf = ({ phase, hold }: Pick<Visit, 'phase' | 'hold'>): string => (hold ? `${phase}: ${hold}` : phase);
