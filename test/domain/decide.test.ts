import { describe, expect, test } from 'vitest';
import { type DecisionName, HOLDS, type Hold, type HoldName } from '../../src/contract/hold.js';
import { checkDecision, type Decidable } from '../../src/domain/decide.js';

const hold = (name: HoldName): Hold => ({ id: 'h2', name, why: 'x', since: '', until: '' });
const held = (name: HoldName): Decidable => ({ phase: 'held', hold: hold(name), decided: null, moving: false });
const free: Decidable = { phase: 'soaking', hold: null, decided: null, moving: false };
const ada = { by: 'ada', reason: 'looked at it' };
const decided = (verb: DecisionName) => ({ verb, by: 'bob', reason: 'x', at: '' });
const check = (verb: DecisionName, sent: unknown, now: Decidable, at = 0) => {
  const result = checkDecision(verb, sent, now, at);
  return 'refusal' in result ? result.refusal : 'accepted';
};

describe('a decision for the current hold', () => {
  test.each(Object.keys(HOLDS) as HoldName[])('%s accepts exactly the decisions of its row', (name) => {
    for (const verb of ['approve', 'retry'] as const)
      expect(check(verb, { ...ada, hold: 'h2' }, held(name)) === 'accepted').toBe(HOLDS[name][verb] !== null);
    expect(check('abort', ada, held(name))).toBe('accepted');
  });

  test('without its id only an approval is accepted', () => {
    expect(check('approve', ada, held('approval'))).toBe('accepted');
    expect(check('retry', ada, held('registry-down'))).toBe(
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
    ['for a hold that has ended', 'retry', { ...ada, hold: 'h1' }, free, 'retry refused: that hold has ended'],
    [
      'doubled',
      'approve',
      ada,
      { ...held('approval'), decided: decided('approve') },
      'approve refused: bob already decided: approve',
    ],
    [
      'after an abort',
      'approve',
      ada,
      { ...held('approval'), decided: decided('abort') },
      'approve refused: bob already decided: abort',
    ],
    [
      'late',
      'abort',
      ada,
      { ...free, phase: 'promoting', moving: true },
      'abort refused: the move is under way and finishes; canary rollback moves back',
    ],
    [
      'a decision that does not apply',
      'approve',
      { ...ada, hold: 'h2' },
      held('canary-unstable'),
      `approve refused: approve does not apply to canary-unstable; retry: ${HOLDS['canary-unstable'].retry}; abort: end the release`,
    ],
  ])('%s: the decision is refused with a fix', (_when, verb, sent, now, refusal) =>
    expect(check(verb, sent, now)).toBe(refusal),
  );

  test('an expired hold is no longer decided, even if no worker ran at that moment', () => {
    const until = '2026-11-25T03:00:00.000Z';
    const now = { ...held('approval'), hold: { ...hold('approval'), until } };
    expect(check('approve', ada, now, Date.parse(until) - 1)).toBe('accepted');
    expect(check('approve', ada, now, Date.parse(until))).toBe('approve refused: that hold has expired');
    expect(check('abort', ada, now, Date.parse(until))).toBe('accepted');
  });

  test('an abort beats an approval that was just given', () => {
    expect(check('abort', ada, { ...held('approval'), decided: decided('approve') })).toBe('accepted');
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
])('%j is refused with a message', (sent) => {
  for (const verb of ['approve', 'abort', 'retry'] as const)
    expect(check(verb, sent, held('approval'))).toMatch(/^(approve|abort|retry) refused: /);
});
