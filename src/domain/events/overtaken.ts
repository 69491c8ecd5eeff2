import { type DeliveredEvent, movedNothing, partsOfId } from '../../contract/events.js';
import { endsHold, isEnd } from './deliveries.js';

// An event that a sink gets long after it happened, because a person sends it again, may be untrue by then.

/** The events that came after one, of those that are given. */
export const laterThan = (event: DeliveredEvent, all: Iterable<DeliveredEvent>): DeliveredEvent[] =>
  [...all].filter((one) => inOrder(event, one) < 0);

/** Order in which events happened: by their time, and those of one moment by their number. */
export const inOrder = (a: DeliveredEvent, b: DeliveredEvent): number =>
  Date.parse(a.at) - Date.parse(b.at) || numberOf(a) - numberOf(b);
const numberOf = ({ id }: DeliveredEvent) => partsOfId(id)?.number ?? 0;

/** Whether an event names the build that `:latest` is on. */
export const namesLatest = ({ type }: Pick<DeliveredEvent, 'type'>): boolean =>
  type === 'promoted' || type === 'rolled-back';

/** Whether `:latest` moved: a run that found its build live moved nothing. */
export const isMove = (event: DeliveredEvent): boolean => namesLatest(event) && !movedNothing(event);

/**
 * Whether an event is no longer true: a hold is over, a phase has passed, or the build was released again since it ended. A move is true
 * until the build was moved to again. By the workflow, and not by its run: a reset goes on in another run.
 * @param later events of the gate that came after it.
 * @param isOpen whether its workflow is still running.
 */
export function isOvertaken(event: DeliveredEvent, later: DeliveredEvent[], isOpen: boolean): boolean {
  const own = later.filter(({ workflowId }) => workflowId === event.workflowId);
  if (event.type === 'held' || event.type === 'reminder') return !isOpen || own.some(endsHold);
  if (isMove(event)) return own.some(isMove);
  const isPassed = own.some((one) => one.type === 'phase-entered' || isEnd(one));
  if (event.type === 'phase-entered') return !isOpen || isPassed;
  return isEnd(event) && isPassed;
}
