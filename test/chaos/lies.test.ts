import { expect, test } from 'vitest';
import { believed } from '../../chaos/checker/believed.js';
import type { Evidence } from '../../chaos/checker/evidence.js';
import { A, B, build, C, more, on, rulesOf, TENANTS } from './forged.js';

const [ONE = '', OTHER = ''] = TENANTS;
const claims = (tenants: string[], from = 8) => on(from, B, tenants).map((state) => ({ ...state, runs: A }));
const RED = [build(A, 1), build(B, 2, true), build(C, 3)];
const LIE = `bbbbbbb was promoted, and ${ONE} only claimed to run it`;

test.each<[string, Partial<Evidence>, string[], string[]]>([
  ['a good build, by honest tenants', {}, [], []],
  ['a good build, beside a liar', { tenantStates: [...on(0, A), ...claims([ONE]), ...on(8, B, [OTHER])] }, [], [LIE]],
  [
    'a red build, which one of the tenants ran',
    { builds: RED, tenantStates: [...on(0, A), ...claims([ONE]), ...on(8, B, [OTHER])] },
    ['I1'],
    [LIE],
  ],
  [
    'a red build, which each tenant only claimed',
    { builds: RED, tenantStates: [...on(0, A), ...claims(TENANTS)] },
    [],
    [LIE, LIE.replace(ONE, OTHER)],
  ],
  // From 13 s on, before the smoke at 18 s, both run what they say.
  [
    'a red build, whose liars took it before its smoke',
    { builds: RED, tenantStates: [...on(0, A), ...claims(TENANTS), ...on(13, B)] },
    ['I1'],
    [],
  ],
])('%s', (_name, evidence, rules, lies) => {
  expect(rulesOf(more(evidence))).toEqual(rules);
  expect(believed(more(evidence))).toEqual(lies);
});
