import { expect, test } from 'vitest';
import type { LaneState } from '../../src/contract/lane.js';
import { activeQuarantines, withoutQuarantined } from '../../src/contract/tenants/quarantine.js';
import { applyCommand } from '../../src/lane/commands.js';
import { parseLaneState } from '../../src/lane/payloads/state.js';
import { positionAt, positionOf } from '../../src/lane/position.js';
import { laneView } from '../../src/lane/view.js';
import { ATTRIBUTION, laneAt, NOON } from './lane-support.js';

const HOUR = 3_600_000;
const iso = (ms: number) => new Date(ms).toISOString();
const until = (hours: number) => iso(NOON + hours * HOUR);
const send = (state: LaneState, command: string, fields: object, now = NOON) =>
  applyCommand(state, command, { ...ATTRIBUTION, ...fields }, now);
const active = (state: LaneState, now = NOON) => activeQuarantines(state.ledger, now).map(({ tenant }) => tenant);

test('a quarantine names the tenant, who, why, since when and until when', () => {
  const state = laneAt('a');
  expect(send(state, 'quarantine', { tenant: 'canary-2', until: until(24) })).toEqual({
    answer: `canary-2 is in quarantine until ${until(24)}: releases go on without it, and say so`,
  });
  const expected = [{ tenant: 'canary-2', by: 'ada', why: 'looked at it', since: iso(NOON), until: until(24) }];
  expect(state.ledger.quarantines).toEqual(expected);
  expect(laneView(state, NOON).quarantines).toEqual(expected);
  expect(parseLaneState(JSON.parse(JSON.stringify(state)))?.ledger.quarantines).toEqual(expected);
  expect(withoutQuarantined([{ name: 'canary-1' }, { name: 'canary-2' }], expected)).toEqual([{ name: 'canary-1' }]);
});

test('a second quarantine of a tenant replaces the first, and an end takes it back', () => {
  const state = laneAt('a');
  send(state, 'quarantine', { tenant: 'canary-2', until: until(24) });
  send(state, 'quarantine', { tenant: 'canary-2', until: until(48) });
  send(state, 'quarantine', { tenant: 'canary-3', until: until(1) });
  expect(state.ledger.quarantines?.map((one) => one.until)).toEqual([until(48), until(1)]);
  expect(send(state, 'unquarantine', { tenant: 'canary-2' })).toEqual({
    answer: 'canary-2 is no longer in quarantine: the next release tests it',
  });
  expect(send(state, 'unquarantine', { tenant: 'canary-2' })).toEqual({ answer: 'canary-2 was not in quarantine' });
  expect(active(state)).toEqual(['canary-3']);
  send(state, 'unquarantine', { tenant: 'canary-3' });
  expect(state.ledger).not.toHaveProperty('quarantines');
});

test('an expired quarantine counts nowhere', () => {
  const state = laneAt('a');
  send(state, 'quarantine', { tenant: 'canary-2', until: until(1) });
  const position = positionOf(state, { runId: 'run-b' });
  expect(positionAt(position, NOON + HOUR - 1).status.quarantines).toHaveLength(1);
  expect(positionAt(position, NOON + HOUR).status).not.toHaveProperty('quarantines');
  expect(active(state, NOON + HOUR)).toEqual([]);
  expect(laneView(state, NOON + HOUR).quarantines).toEqual([]);
});

test.each<[string, object]>([
  ['without a tenant', { until: until(1) }],
  ['of a name that no tenant has', { tenant: 'x'.repeat(64), until: until(1) }],
  ['of a name with a line break', { tenant: 'canary-2\nAll is well', until: until(1) }],
  ['without an end', { tenant: 'canary-2' }],
  ['that is over', { tenant: 'canary-2', until: iso(NOON) }],
  ['of more than 30 days', { tenant: 'canary-2', until: until(30 * 24 + 1) }],
  ['until something else', { tenant: 'canary-2', until: { hours: 1 } }],
])('a quarantine %s is refused, and changes nothing', (_, fields) => {
  const state = laneAt('a');
  expect(send(state, 'quarantine', fields)).toEqual({ refused: expect.stringMatching(/^quarantine refused: /) });
  expect(state.ledger).not.toHaveProperty('quarantines');
});

test('a quarantine of the longest name, for 30 days, is taken, and its end needs a name', () => {
  const state = laneAt('a');
  const tenant = 'x'.repeat(63);
  expect(send(state, 'quarantine', { tenant, until: until(30 * 24) })).toHaveProperty('answer');
  expect(send(state, 'unquarantine', {})).toEqual({
    refused: 'unquarantine refused: tenant is missing: expected a name of the fleet, e.g. "tenant":"canary-2"',
  });
  expect(active(state)).toEqual([tenant]);
});

test('at most 20 tenants are in quarantine at a time', () => {
  const state = laneAt('a');
  for (let index = 1; index <= 20; index += 1)
    expect(send(state, 'quarantine', { tenant: `canary-${index}`, until: until(1) })).toHaveProperty('answer');
  const more = { tenant: 'canary-21', until: until(48) };
  expect(send(state, 'quarantine', more)).toEqual({
    refused: 'quarantine refused: 20 tenants are in quarantine already',
  });
  expect(send(state, 'quarantine', more, NOON + 2 * HOUR)).toHaveProperty('answer');
  expect(active(state, NOON + 2 * HOUR)).toEqual(['canary-21']);
});
