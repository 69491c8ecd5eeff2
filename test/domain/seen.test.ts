import { describe, expect, test } from 'vitest';
import { parseFleetSeen, parseProductionSeen } from '../../src/domain/payloads/seen.js';

const TENANT = {
  tenant: 'acme',
  build: '4c1d56e',
  tookAt: '2026-11-25T06:00:00.000Z',
  live: 'pass',
  answered: { build: true, live: true },
  silence: { inRow: 0, polls: 0, interruptions: 0, ms: 0 },
};

describe('what a watch over production saw', () => {
  const sent = { tenants: [TENANT], bakingSince: null };
  const broken = (change: object) => ({ ...sent, tenants: [{ ...TENANT, ...change }] });
  const parse = (one: unknown) => parseProductionSeen(one, ['acme', 'globex']);

  test('is read as it was sent', () => {
    expect(parse(sent)).toEqual(sent);
  });

  test.each<[string, unknown]>([
    ['null', null],
    ['a list', []],
    ['nothing', {}],
    ['a bake that is no time', { ...sent, bakingSince: 7 }],
    ['a bake beyond all years', { ...sent, bakingSince: '+275760-09-13T00:00:00Z' }],
    ['a silence without counts', broken({ silence: {} })],
    ['no answers', broken({ answered: null })],
    ['a name that is no text', broken({ tenant: null })],
    ['a build that is no sha', broken({ build: 7 })],
    ['an unknown verdict', broken({ live: 'x' })],
    ['a reason that is no text', broken({ red: {} })],
    ['a number for why', broken({ why: 7 })],
    ['a time of a thousand characters', broken({ tookAt: 'x'.repeat(1_001) })],
    ['a tenant that is not watched', broken({ tenant: 'initech' })],
    ['more tenants than are watched', { ...sent, tenants: Array(3).fill(TENANT) }],
  ])('is dropped with %s', (_what, one) => {
    expect(parse(one)).toBeNull();
  });
});

describe('what a watch over the canaries saw', () => {
  const parse = (one: unknown) => parseFleetSeen(one, ['canary-1']);
  const BUILD = { tenant: 'canary-1', build: null, why: 'status 502', silent: true };

  test('is read as it was sent, with its time as ISO 8601 and its text on one short line', () => {
    expect(parse({ builds: [{ ...BUILD, more: 'x' }], from: '1 Jan 2030 00:00 GMT (why not)' })).toEqual({
      builds: [BUILD],
      from: '2030-01-01T00:00:00.000Z',
    });
    expect(parse({ builds: [{ ...BUILD, why: 'x\n'.repeat(500_000) }], from: null })?.builds[0]?.why).toHaveLength(200);
  });

  test.each<[string, unknown]>([
    ['a number for why', { builds: [{ ...BUILD, why: 7 }], from: null }],
    ['an object for why', { builds: [{ ...BUILD, why: {} }], from: null }],
    ['a build that is no sha', { builds: [{ ...BUILD, build: 'dev' }], from: null }],
    ['a tenant that is not in the plan', { builds: [{ ...BUILD, tenant: 'x' }], from: null }],
    ['more tenants than the plan has', { builds: [BUILD, BUILD], from: null }],
    ['a time beyond all years', { builds: [], from: '+275760-09-13T00:00:00Z' }],
    ['no builds', { from: null }],
  ])('is dropped with %s', (_what, one) => {
    expect(parse(one)).toBeNull();
  });
});
