import { fieldsOf } from '../payloads/fields.js';
import {
  type Deliveries,
  type LostEvent,
  noDeliveries,
  type OpenHold,
  parseDeliveryOrder,
  parseEvent,
} from './deliveries.js';

/** Reads what the run before handed on. An entry that does not parse is left out: it would fail each task of the run, and so every event after it. */
export function parseDeliveries(carried: unknown): Deliveries {
  const { taken, next, waiting, queues, holds, delivered, lost } = fieldsOf(carried);
  return {
    ...noDeliveries(),
    taken: listOf(taken, textOf),
    next: tableOf(next, (number) => (Number.isSafeInteger(number) ? (number as number) : null)),
    waiting: listOf(waiting, waitingOf),
    queues: tableOf(queues, (events) => (Array.isArray(events) ? listOf(events, parseEvent) : null)),
    holds: listOf(holds, openHoldOf),
    lost: listOf(lost, lostOf),
    ...(Number.isSafeInteger(delivered) && { delivered: delivered as number }),
  };
}

const listOf = <T>(sent: unknown, parse: (one: unknown) => T | null): T[] =>
  (Array.isArray(sent) ? sent : []).flatMap((one) => {
    const parsed = parse(one);
    return parsed === null ? [] : [parsed];
  });

const tableOf = <T>(sent: unknown, parse: (one: unknown) => T | null): Record<string, T> =>
  Object.fromEntries(
    Object.entries(fieldsOf(sent)).flatMap(([key, one]) => {
      const parsed = parse(one);
      return parsed === null ? [] : [[key, parsed]];
    }),
  );

const textOf = (sent: unknown) => (typeof sent === 'string' ? sent : null);

function waitingOf(sent: unknown): Deliveries['waiting'][number] | null {
  const { order, isLate } = fieldsOf(sent);
  const parsed = parseDeliveryOrder(order);
  return parsed && { order: parsed, isLate: isLate === true };
}

function openHoldOf(sent: unknown): OpenHold | null {
  const { order, reminded } = fieldsOf(sent);
  const parsed = parseDeliveryOrder(order);
  return parsed && { order: parsed, reminded: reminded === 1 || reminded === 2 ? reminded : 0 };
}

function lostOf(sent: unknown): LostEvent | null {
  const { sink, id, why } = fieldsOf(sent);
  return typeof sink === 'string' && typeof id === 'string' && typeof why === 'string' ? { sink, id, why } : null;
}
