import { expect, test } from 'vitest';
import { parseMoment } from '../../src/domain/moment.js';

const NOW = Date.parse('2026-11-25T09:30:00Z');

test.each([
  ['10:00Z', '2026-11-25T10:00:00.000Z'],
  ['08:00Z', '2026-11-26T08:00:00.000Z'],
  ['09:30Z', '2026-11-26T09:30:00.000Z'],
  ['00:00Z', '2026-11-26T00:00:00.000Z'],
  ['2026-11-25T11:00Z', '2026-11-25T11:00:00.000Z'],
  ['2026-11-25T11:00:30.5Z', '2026-11-25T11:00:30.500Z'],
  ['2026-12-24T18:00:00+01:00', '2026-12-24T17:00:00.000Z'],
])('%s is a moment to come: %s', (text, moment) => {
  expect(parseMoment(text, NOW)).toBe(moment);
});

test.each([
  '',
  '8:00Z',
  '08:00',
  '24:00Z',
  '08:60Z',
  'tomorrow',
  '6h',
  '2026-11-26',
  '2026-11-26T08:00',
  '2026-13-01T08:00Z',
])('%j is not a valid time', (text) => {
  expect(() => parseMoment(text, NOW)).toThrow(
    `invalid time ${JSON.stringify(text)}: expected 08:00Z or 2026-11-26T08:00:00Z`,
  );
});

test.each(['2026-11-25T09:30:00Z', '2026-11-25T10:00:00+01:00'])('%s is in the past', (text) => {
  expect(() => parseMoment(text, NOW)).toThrow(`time "${text}" is in the past: it is 2026-11-25T09:30:00.000Z`);
});
