import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  applyChange,
  applyRecords,
  changeOf,
  isMinor,
  partsOf,
  withKnownParts,
} from '../../src/lane/payloads/changes.js';
import { marksIn } from '../../src/lane/payloads/state.js';
import { beginRollback } from '../../src/lane/rollback.js';
import { emptyLane } from '../../src/lane/state.js';
import { runs } from '../support/rows.js';
import { ATTRIBUTION, laneAt, NOON, promote, run } from './lane-support.js';

// JSON has no negative zero.
const json = fc.jsonValue({ maxDepth: 4 }).map((value) => JSON.parse(JSON.stringify(value)));
const lists = fc.array(fc.nat(3), { maxLength: 6 });

describe('a change of a state', () => {
  test('leads from any value to any other', () => {
    fc.assert(
      fc.property(fc.oneof(fc.tuple(json, json), fc.tuple(lists, lists)), ([before, after]) => {
        const copy = structuredClone(before);
        const change = changeOf(before, after);
        const sent = JSON.parse(JSON.stringify(change));
        expect(change === null ? before : applyChange(before, sent)).toEqual(after);
        expect(before).toEqual(copy);
      }),
      { numRuns: runs(3_000, 200) },
    );
  });

  test('is none between equal values, and ignores fields that are undefined', () => {
    fc.assert(
      fc.property(json, (value) => {
        expect(changeOf(value, structuredClone(value))).toBeNull();
      }),
    );
    expect(changeOf({ a: 1 }, { a: 1, b: undefined })).toBeNull();
    expect(applyChange({ a: 1, b: 2 }, changeOf({ a: 1, b: 2 }, { a: 1, b: undefined }))).toEqual({ a: 1 });
  });

  test('is the same when the parts whose texts are known are shared, which are not looked at', () => {
    const parts = fc.dictionary(fc.constantFrom('a', 'b', 'ledger'), fc.oneof(json, fc.dictionary(fc.string(), json)));
    fc.assert(
      fc.property(parts, parts, parts, (first, second, third) => {
        let known: Parameters<typeof withKnownParts>[1] = { value: {}, texts: new Map() };
        for (const state of [first, second, third]) {
          const now = withKnownParts(state, known, 'ledger');
          const change = changeOf(known.value, now.value);
          expect(change).toEqual(changeOf(known.value, state));
          known = {
            value: applyChange(known.value, JSON.parse(JSON.stringify(change ?? { in: {} }))),
            texts: now.texts,
          };
          expect(known.value).toEqual(JSON.parse(JSON.stringify(state)));
        }
      }),
    );
    const state = laneAt('a');
    const { texts } = withKnownParts(state, { value: {}, texts: new Map() }, 'ledger');
    const known = { value: structuredClone(state), texts };
    state.ledger.pause = { by: 'ada', why: 'looked at it', since: new Date(NOON).toISOString() };
    const { ledger, queue } = withKnownParts(state, known, 'ledger').value;
    expect(
      [queue, ledger.history].map((part) => [known.value.queue, known.value.ledger.history].includes(part as never)),
    ).toEqual([true, true]);
    expect(ledger.pause).toBe(state.ledger.pause);
  });

  test('is as small as what changed, however much the ledger has', () => {
    const state = laneAt('a');
    for (let index = 0; index < 300; index += 1)
      state.ledger.history.push(...structuredClone(laneAt('b').ledger.history));
    const before = structuredClone(state);
    state.ledger.history = [...state.ledger.history.slice(1), ...laneAt('c').ledger.history];
    expect(JSON.stringify(changeOf(before, state)).length).toBeLessThan(600);
  });

  test.each<[string, unknown]>([
    ['that is no object', 7],
    ['of a field that is no list', { in: { a: { drop: 0, at: 0, cut: 0, add: [] } } }],
    ['beyond the end of a list', { in: { list: { drop: 2, at: 0, cut: 2, add: [] } } }],
    ['at a place that is no number', { in: { list: { drop: 'x', at: 0, cut: 0, add: [] } } }],
    ['before the begin of a list', { in: { list: { drop: 0, at: -1, cut: 0, add: [] } } }],
    ['inside of a text', { in: { a: { in: {} } } }],
  ])('%s does not apply', (_what, change) => {
    expect(() => applyChange({ a: 'text', list: [1, 2, 3] }, change)).toThrow(/does not fit/);
  });

  test('names a field like a prototype without becoming one', () => {
    const sent = JSON.parse('{"__proto__":{"polluted":true}}');
    const change = JSON.parse(JSON.stringify(changeOf({}, sent)));
    expect(JSON.stringify(applyChange({}, change))).toBe(JSON.stringify(sent));
    expect(Object(applyChange({}, change)).polluted).toBeUndefined();
  });

  test('of the lease alone, or of what a lane would look for once more, is minor; of anything else it is not', () => {
    const state = laneAt('a');
    promote(state, 'b', 'a');
    const later = structuredClone(state);
    later.ledger.watchStartedFor = 'now';
    expect(isMinor(changeOf(state, later) as never)).toBe(true);
    later.ledger.drift = { expectedAt: 1, moved: [], missing: [] };
    expect(isMinor(changeOf(state, later) as never)).toBe(false);
    delete later.ledger.drift;
    later.ledger.hold = { name: 'pair-split', why: 'x', by: 'ada', since: 'now' };
    expect(isMinor(changeOf(state, later) as never)).toBe(false);
    expect(isMinor({ to: emptyLane() })).toBe(false);
  });
});

describe('the records of a run', () => {
  const before = laneAt('a');
  const after = structuredClone(before);
  promote(after, 'b', 'a');
  const middle = structuredClone(after);
  beginRollback(after, { ...run('a', { runId: 'back' }), force: false, ...ATTRIBUTION }, NOON);
  const textOf = (from: unknown, to: unknown) => JSON.stringify(changeOf(from, to));
  const parts = [...partsOf(textOf(before, middle)), ...partsOf(textOf(middle, after))];

  test('add up to its state, in parts of at most 2 KB each', () => {
    expect(applyRecords(before, parts)).toEqual({ state: after, isWhole: true });
    const long = partsOf(JSON.stringify({ to: '\u{1f600}"'.repeat(3_000) }));
    expect(long.length).toBeGreaterThan(5);
    for (const part of long) expect(JSON.stringify(part).length).toBeLessThan(2_048);
    expect(applyRecords(null, JSON.parse(JSON.stringify(long)))).toEqual({
      state: '\u{1f600}"'.repeat(3_000),
      isWhole: true,
    });
  });

  test.each<[string, (parts: unknown[]) => unknown[]]>([
    ['one of a later version', (all) => [...all, { version: 2, text: '{"to":null}' }]],
    ['one that cannot be decrypted', (all) => [...all, undefined]],
    ['one that is no JSON', (all) => [...all, { version: 1, text: '{' }]],
    ['one whose last part is missing', (all) => [...all, { version: 1, text: '{"to":', more: true }]],
  ])('are not whole with %s, and lead as far as they can be read', (_what, broken) => {
    expect(applyRecords(before, broken(parts))).toEqual({ state: after, isWhole: false });
  });

  test('have marks that count one by one, also in a state of another shape', () => {
    const { knownBad } = after.ledger;
    expect(knownBad).toHaveLength(1);
    expect(marksIn({ ledger: { knownBad: [...knownBad, { sha: 'zz' }, null], history: 'of next year' } })).toEqual(
      knownBad,
    );
    expect(marksIn('nothing')).toEqual([]);
  });
});
