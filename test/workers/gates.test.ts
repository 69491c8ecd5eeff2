import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, expect, test } from 'vitest';
import { gateLane, parseLane } from '../../src/contract/ids.js';
import { type Gates, loadGates } from '../../workers/gates.js';
import { until } from '../support/until.js';

const folder = mkdtempSync(join(tmpdir(), 'canary-gates-'));
afterAll(() => rmSync(folder, { recursive: true }));
const file = join(folder, 'gates.json');
const write = (gates: Record<string, unknown>) => writeFileSync(file, JSON.stringify({ gates }));
const lane = (name: string) => gateLane(parseLane(''), name);
const images = (name: string, more = {}) => ({ CANARY_IMAGES: `ghcr.io/acme/${name}`, ...more });

let gates: Gates | undefined;
afterEach(() => gates?.close());
async function load(first: Record<string, unknown>, env: Record<string, string> = {}): Promise<Gates> {
  write(first);
  gates = await loadGates({ CANARY_GATES_FILE: file, ...env }, 20);
  return gates;
}

test('a gate whose entry becomes invalid keeps its last configuration, and says so', async () => {
  const served = await load({ payments: images('payments'), search: images('search') });
  write({ payments: images('payments', { CANARY_SOAK: 'long' }), search: images('found') });
  const problem = await until('it is told', () => served.problems()[0]);
  expect(problem).toBe('gate payments: CANARY_SOAK: invalid duration "long": expected e.g. 6m or 30s');
  expect(served.of(lane('payments')).config.images).toEqual(['ghcr.io/acme/payments']);
  expect(served.of(lane('search')).config.images).toEqual(['ghcr.io/acme/found']);
  expect(served.isUnusable()).toBe(false);
});

test('a gate that was never right has none, and one that is not in the file neither', async () => {
  const served = await load({ payments: images('payments'), search: images('search', { CANARY_SOAK: 'long' }) });
  expect(() => served.of(lane('search'))).toThrow('gate search: CANARY_SOAK: invalid duration');
  expect(() => served.of(lane('other'))).toThrow('CANARY_GATES_FILE: no gate has the lane "gates.other"');
  expect(() => served.of(null)).toThrow('belongs to no run of a gate');
});

test('a gate that the file no longer has is not served, and one that stays is the same object', async () => {
  const served = await load({ payments: images('payments'), search: images('search') });
  const before = served.of(lane('payments'));
  write({ payments: images('payments') });
  await until('it is gone', () => served.all().length === 1);
  expect(served.of(lane('payments'))).toBe(before);
});

test('gates with the same credentials share connections to the registry', async () => {
  const own = { GITHUB_TOKEN_FILE: join(folder, 'token') };
  writeFileSync(own.GITHUB_TOKEN_FILE, 'another-token');
  const served = await load({ a: images('a'), b: images('b'), c: images('c', own) }, { GITHUB_TOKEN: 'a-token' });
  const [a, b, c] = ['a', 'b', 'c'].map((name) => served.of(lane(name)).registry);
  expect(a).toBe(b);
  expect(a).not.toBe(c);
});

test('gates whose tokens are in two files share none: one of them may be rotated alone', async () => {
  const [one, two] = ['one', 'two'].map((name) => {
    const GITHUB_TOKEN_FILE = join(folder, name);
    writeFileSync(GITHUB_TOKEN_FILE, 'the-same-token');
    return { GITHUB_TOKEN_FILE };
  });
  const served = await load({ a: images('a', one), b: images('b', two) });
  expect(served.of(lane('a')).registry).not.toBe(served.of(lane('b')).registry);
});

test('workers of several gates have a lane that names none of them', async () => {
  await expect(loadGates({ CANARY_LANE: 'eu.payments', ...images('payments') })).rejects.toThrow(
    'CANARY_LANE: eu.payments is one of several gates',
  );
  const served = await load({ payments: images('payments') }, { CANARY_LANE: 'eu' });
  expect(served.lane).toBe('eu');
});
