import { describe, expect, test } from 'vitest';
import { type DecisionName, HOLDS, type Hold, type HoldName } from '../../src/contract/hold.js';
import { checkDecision, type Decidable } from '../../src/domain/decide.js';

const hold = (name: HoldName): Hold => ({ id: 'h2', name, why: 'x', since: '', until: '' });
const held = (name: HoldName): Decidable => ({ phase: 'held', hold: hold(name), decided: null, moving: false });
const free: Decidable = { phase: 'soaking', hold: null, decided: null, moving: false };
const ada = { by: 'ada', reason: 'looked at it' };
const said = (verb: DecisionName) => ({ verb, by: 'bob', reason: 'x', at: '' });
const judge = (verb: DecisionName, sent: unknown, now: Decidable, at = 0) => {
  const result = checkDecision(verb, sent, now, at);
  return 'refusal' in result ? result.refusal : 'taken';
};

describe('a decision for the hold that is on', () => {
  test.each(Object.keys(HOLDS) as HoldName[])('%s takes just what its line in the table says', (name) => {
    for (const verb of ['approve', 'retry'] as const)
      expect(judge(verb, { ...ada, hold: 'h2' }, held(name)) === 'taken').toBe(HOLDS[name][verb] !== null);
    expect(judge('abort', ada, held(name))).toBe('taken');
  });

  test('without its id only an approval is taken', () => {
    expect(judge('approve', ada, held('approval'))).toBe('taken');
    expect(judge('retry', ada, held('registry-down'))).toBe(
      'retry refused: the id of the hold is required: "hold":"h2" (registry-down)',
    );
  });

  test.each<[string, DecisionName, unknown, Decidable, string]>([
    ['early', 'approve', ada, free, 'approve refused: the release is not held; it is soaking'],
    [
      'for another hold',
      'approve',
      { ...ada, hold: 'h1' },
      held('approval'),
      'approve refused: that hold has ended; the current one is h2 (approval)',
    ],
    ['for a hold that is over', 'retry', { ...ada, hold: 'h1' }, free, 'retry refused: that hold has ended'],
    [
      'doubled',
      'approve',
      ada,
      { ...held('approval'), decided: said('approve') },
      'approve refused: bob already decided: approve',
    ],
    [
      'after an abort',
      'approve',
      ada,
      { ...held('approval'), decided: said('abort') },
      'approve refused: bob already decided: abort',
    ],
    [
      'late',
      'abort',
      ada,
      { ...free, phase: 'promoting', moving: true },
      'abort refused: the move is under way and finishes; then roll back',
    ],
    [
      'a decision that does not apply',
      'approve',
      { ...ada, hold: 'h2' },
      held('canary-left'),
      'approve refused: approve does not apply to canary-left; retry: soak again; abort: end the release',
    ],
  ])('%s: the decision is refused with a fix', (_when, verb, sent, now, refusal) =>
    expect(judge(verb, sent, now)).toBe(refusal),
  );

  test('one that has expired is not decided any more, also when the worker was away at that moment', () => {
    const until = '2026-11-25T03:00:00.000Z';
    const now = { ...held('approval'), hold: { ...hold('approval'), until } };
    expect(judge('approve', ada, now, Date.parse(until) - 1)).toBe('taken');
    expect(judge('approve', ada, now, Date.parse(until))).toBe('approve refused: that hold has expired');
    expect(judge('abort', ada, now, Date.parse(until))).toBe('taken');
  });

  test('an abort beats an approval that was just given', () => {
    expect(judge('abort', ada, { ...held('approval'), decided: said('approve') })).toBe('taken');
  });
});

test.each([
  undefined,
  null,
  'yes',
  7,
  [],
  [ada],
  {},
  { by: 'ada' },
  { by: '', reason: 'x' },
  { by: 'ada', reason: 1 },
  { ...ada, hold: 3 },
  { undecodable: 'json' },
])('%j is refused in words, whatever it is', (sent) => {
  for (const verb of ['approve', 'abort', 'retry'] as const)
    expect(judge(verb, sent, held('approval'))).toMatch(/^(approve|abort|retry) refused: /);
});
