import { describe, expect, test } from 'vitest';
import type { DeliveredEvent } from '../../src/contract/events.js';
import { parseDeliveries } from '../../src/domain/events/carried.js';
import {
  type Deliveries,
  dropOldest,
  dueReminders,
  isIdle,
  isOverfull,
  letThrough,
  MAX_QUEUED,
  noDeliveries,
  noteLost,
  parseDeliveryOrder,
  queueEvents,
  remind,
  takeEvent,
} from '../../src/domain/events/deliveries.js';
import { alarmed, decided, entered, held, promoted, RUN } from '../support/events.js';

const T0 = Date.UTC(2026, 10, 29, 6, 0, 0);
const HOUR = 3_600_000;

/** A gate with two sinks; each event goes to both, reminders to chat alone. */
function taken(state: Deliveries, events: DeliveredEvent[]): void {
  for (const event of events) takeEvent(state, { event, sinks: ['chat', 'hook'], reminded: ['chat'] });
  queueEvents(state);
}
const idsOf = (state: Deliveries, sink = 'chat') => (state.queues[sink] ?? []).map(({ id }) => id.slice(37));
const typesOf = (state: Deliveries, sink = 'chat') => (state.queues[sink] ?? []).map(({ type }) => type);

describe('deliveries', () => {
  test('go to each sink in the order of their numbers, whatever order they came in', () => {
    const state = noDeliveries();
    taken(state, [decided(3), entered(1, 'soaking')]);
    expect(idsOf(state)).toEqual(['1']);
    taken(state, [held(2)]);
    expect({ chat: idsOf(state), hook: idsOf(state, 'hook') }).toEqual({
      chat: ['1', '2', '3'],
      hook: ['1', '2', '3'],
    });
  });

  test('come once, however often they are ordered', () => {
    const state = noDeliveries();
    taken(state, [alarmed(1), alarmed(1)]);
    taken(state, [alarmed(1)]);
    state.queues = {};
    taken(state, [alarmed(1)]);
    expect(idsOf(state)).toEqual([]);
    expect(isIdle(state)).toBe(true);
  });

  test('wait for one that is missing until they are let through', () => {
    const state = noDeliveries();
    taken(state, [promoted(4)]);
    expect([idsOf(state), isIdle(state)]).toEqual([[], false]);
    letThrough(state, `${RUN}-4`);
    queueEvents(state);
    taken(state, [decided(3)]);
    expect(idsOf(state)).toEqual(['4', '3']);
  });

  test('of two runs do not wait for one another', () => {
    const state = noDeliveries();
    const other = { ...alarmed(1), id: `${RUN.replaceAll('0', '1')}-1` };
    taken(state, [decided(2), other]);
    expect(state.queues.chat?.map(({ id }) => id)).toEqual([other.id]);
  });
});

describe('reminders of a hold', () => {
  const open = () => {
    const state = noDeliveries();
    taken(state, [held(1)]);
    state.queues = {};
    return state;
  };
  const since = T0 + 1_000;
  const until = Date.parse('2026-12-02T06:00:00.000Z');
  const [half, last] = [since + (until - since) / 2, until - HOUR];
  const next = (state: Deliveries) => {
    const [due] = dueReminders(state);
    if (due) remind(state, due);
    return due && { id: due.id.slice(37), at: due.at };
  };

  test('are one at half of its time, and one an hour before it expires, to the sinks that want them', () => {
    const state = open();
    const [first] = dueReminders(state);
    expect([next(state), next(state), next(state)]).toEqual([
      { id: '1-half', at: half },
      { id: '1-last', at: last },
      undefined,
    ]);
    if (first) remind(state, first);
    expect(state.queues.chat).toMatchObject([
      { type: 'reminder', id: `${RUN}-1-half`, at: new Date(half).toISOString(), holdId: 'h1-abc123' },
      { type: 'reminder', id: `${RUN}-1-last` },
    ]);
    expect(state.queues.hook).toBeUndefined();
  });

  test('of a short hold end a tenth before it expires', () => {
    const state = noDeliveries();
    taken(state, [held(1, new Date(since + 60_000).toISOString())]);
    expect([next(state)?.at, next(state)?.at]).toEqual([since + 30_000, since + 54_000]);
  });

  test.each([
    ['a decision', decided(2)],
    ['the end of the release', promoted(2)],
    ['a phase that follows', entered(2, 'promoting')],
  ])('end with %s', (_what, event) => {
    const state = open();
    const [due] = dueReminders(state);
    taken(state, [event]);
    if (due) remind(state, due);
    expect(typesOf(state)).not.toContain('reminder');
    expect(dueReminders(state)).toEqual([]);
  });

  test('do not end with the phase of the hold itself, with what came before it, or with another run', () => {
    const state = noDeliveries();
    taken(state, [entered(1, 'soaking'), entered(2, 'awaiting-approval'), held(3), alarmed(4)]);
    taken(state, [{ ...promoted(1), id: `${RUN.replaceAll('0', '1')}-1` }]);
    expect(state.holds).toHaveLength(1);
  });

  test('are none for a pause, which has no end', () => {
    const state = noDeliveries();
    taken(state, [held(1, null)]);
    expect(dueReminders(state)).toEqual([]);
  });
});

test('what is kept is bounded', () => {
  const state = noDeliveries();
  for (let number = 1; number <= 600; number += 1) {
    taken(state, [{ ...alarmed(1), id: `${String(number).padStart(8, '0')}${RUN.slice(8)}-1` }]);
    noteLost(state, { sink: 'chat', id: String(number), why: 'down' });
  }
  expect([state.taken.length, Object.keys(state.next).length, state.lost.length]).toEqual([500, 500, 500]);
  expect(state.lost.at(-1)?.id).toBe('600');
});

test('a queue that is too long loses its oldest events, by name, except the one that is under way', () => {
  const state = noDeliveries();
  const chat = Array.from({ length: MAX_QUEUED + 2 }, (_, number) => alarmed(number));
  state.queues = { chat, hook: [alarmed(1)] };
  const why = `more than ${MAX_QUEUED} events waited for it`;
  expect(isOverfull(state)).toBe(true);
  expect(dropOldest(state)).toEqual([
    { sink: 'chat', id: `${RUN}-1`, why },
    { sink: 'chat', id: `${RUN}-2`, why },
  ]);
  expect([isOverfull(state), idsOf(state).slice(0, 2), idsOf(state, 'hook')]).toEqual([false, ['0', '3'], ['1']]);
  expect([dropOldest(state), state.queues.chat?.length]).toEqual([[], MAX_QUEUED]);
});

describe('deliveries that the run before handed on', () => {
  const carriedOn = (state: unknown) => parseDeliveries(JSON.parse(JSON.stringify(state)));

  test('are taken up as they were', () => {
    const state = noDeliveries();
    taken(state, [held(1), entered(2, 'held'), alarmed(4)]);
    const [half] = dueReminders(state);
    if (half) remind(state, half);
    noteLost(state, { sink: 'hook', id: 'run-1', why: 'x'.repeat(2_000) });
    state.delivered = 7;
    expect(state).toMatchObject({ waiting: [{}], holds: [{ reminded: 1 }], queues: { chat: [{}, {}, {}] } });
    expect(carriedOn(state)).toEqual(state);
  });

  test('are taken up without an entry that does not parse', () => {
    const order = { event: held(1), sinks: ['chat'], reminded: ['chat'] };
    const carried = {
      taken: ['a', 7],
      next: { [RUN]: 2, other: 'soon' },
      waiting: [{ order: { event: {}, sinks: [], reminded: [] } }, null, { order }],
      queues: { chat: [null, held(1), { ...held(2), type: 'unknown' }], hook: 'all' },
      holds: [{ order, reminded: 'twice' }, {}],
      delivered: 'many',
      lost: [{ sink: 'chat' }, { sink: 'chat', id: 'b', why: 'down' }],
    };
    expect(carriedOn(carried)).toEqual({
      taken: ['a'],
      next: { [RUN]: 2 },
      waiting: [{ order, isLate: false }],
      queues: { chat: [held(1)] },
      holds: [{ order, reminded: 0 }],
      delivered: 0,
      lost: [{ sink: 'chat', id: 'b', why: 'down' }],
    });
  });

  test.each([null, undefined, 'all', [], { queues: null }])('are none if they are %j', (carried) => {
    expect(parseDeliveries(carried)).toEqual(noDeliveries());
  });
});

test.each<[string, unknown]>([
  ['nothing', undefined],
  ['no event', { sinks: [], reminded: [] }],
  ['an unknown type', { event: { ...alarmed(1), type: 'constructor' }, sinks: [], reminded: [] }],
  ['no sinks', { event: alarmed(1), reminded: [] }],
  ['sinks that are no names', { event: alarmed(1), sinks: [7], reminded: [] }],
  ['too many sinks', { event: alarmed(1), sinks: Array(21).fill('chat'), reminded: [] }],
  ['a hold without a time', { event: { ...held(1), at: 'soon' }, sinks: [], reminded: [] }],
  ['a hold that ends at no time', { event: { ...held(1), until: 'later' }, sinks: [], reminded: [] }],
])('an order with %s is none', (_what, sent) => {
  expect(parseDeliveryOrder(sent)).toBeNull();
});
