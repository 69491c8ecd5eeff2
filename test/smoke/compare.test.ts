import { describe, expect, test } from 'vitest';
import { compareTenants, withoutAnswers } from '../../src/smoke/drift/compare.js';
import type { Compared, Field, TenantFacts, Value } from '../../src/smoke/drift/facts.js';

const READ: Compared[] = [{ path: '/config', values: ['flags'] }];
const value = (path: string, of: unknown): [string, Value] => [
  path,
  { exact: JSON.stringify(of), shown: () => `shown ${of}`, label: () => `label of ${path}` },
];
/** Facts of a tenant: the values of the field `flags` by their paths, or why they are not known. */
function tenant(name: string, flags?: Record<string, unknown> | string): TenantFacts {
  const field: Field | undefined =
    typeof flags === 'string'
      ? { unknown: flags }
      : flags && { values: new Map(Object.entries(flags).map(([path, of]) => value(path, of))) };
  return { tenant: name, fields: new Map(field ? [['flags', field]] : []) };
}
const unknown = (name: string | null, why: string) => ({ tenant: name, field: 'flags', why });

describe('tenants', () => {
  test.each<[string, TenantFacts[], object]>([
    ['are the same', [tenant('a', { mode: 1 }), tenant('b', { mode: 1 })], { differences: [], unknown: [] }],
    [
      'differ: who has which value, the largest group first, and one that lacks it',
      [tenant('a', { mode: 1 }), tenant('b', { mode: 2 }), tenant('c', { mode: 2 }), tenant('d', {})],
      {
        differences: [
          {
            field: 'flags',
            label: 'label of mode',
            groups: [
              { shown: 'shown 2', tenants: ['b', 'c'] },
              { shown: 'shown 1', tenants: ['a'] },
              { shown: 'absent', tenants: ['d'] },
            ],
          },
        ],
        unknown: [],
      },
    ],
    [
      'that did not answer are not known, and never the same',
      [tenant('a', { mode: 1 }), tenant('b', 'timeout'), tenant('c')],
      { differences: [], unknown: [unknown('b', 'timeout'), unknown('c', 'it was not asked')] },
    ],
    [
      'all lack a field',
      [tenant('a', {}), tenant('b', {})],
      { differences: [], unknown: [unknown(null, 'no tenant has it')] },
    ],
    [
      'all have null',
      [tenant('a', { mode: null }), tenant('b', { mode: null })],
      { differences: [], unknown: [unknown(null, 'it is null on each tenant')] },
    ],
    [
      'of which one has null differ',
      [tenant('a', { mode: null }), tenant('b', { mode: 1 })],
      { differences: [{ label: 'label of mode' }], unknown: [] },
    ],
    [
      'did not answer at all',
      [tenant('a', 'timeout'), tenant('b', 'gone')],
      { differences: [], unknown: [unknown('a', 'timeout'), unknown('b', 'gone')] },
    ],
    [
      'are not to be compared if there is one alone',
      [tenant('a', { mode: 1 })],
      { differences: [], unknown: [unknown(null, 'there is no other tenant to compare with')] },
    ],
    [
      'of which one alone lacks a field have nothing to compare',
      [tenant('a', {})],
      { differences: [], unknown: [unknown(null, 'no tenant has it')] },
    ],
  ])('%s', (_what, all, expected) => {
    expect(compareTenants(READ, all)).toMatchObject(expected);
  });

  test('are told without what they answered, each difference once', () => {
    const comparison = compareTenants(READ, [
      tenant('a', { mode: 1, size: 1, name: 1 }),
      tenant('b', { mode: 2, size: 2 }),
      tenant('c', 'gone'),
    ]);
    expect(comparison.differences).toHaveLength(3);
    const groups = [['a'], ['b']].map((tenants) => ({ shown: '(not shown)', tenants }));
    expect(withoutAnswers(comparison)).toEqual({
      differences: [{ field: 'flags', label: 'flags', groups }],
      unknown: [unknown('c', 'gone')],
    });
  });
});
