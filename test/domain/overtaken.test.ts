import { describe, expect, test } from 'vitest';
import type { DeliveredEvent } from '../../src/contract/events.js';
import { isOvertaken, laterThan } from '../../src/domain/events/overtaken.js';
import { alarmed, decided, delivered, entered, foundLive, held, promoted, rejected } from '../support/events.js';

/** The same build, released again: another run of its workflow. */
const again = (event: DeliveredEvent): DeliveredEvent => ({
  ...event,
  id: event.id.replace('0f8fad5b', '1f8fad5b'),
});
const other = (event: DeliveredEvent): DeliveredEvent => ({ ...event, workflowId: 'canary-release-9e82b1d' });
const reminder = { ...held(2), type: 'reminder', id: `${held(2).id}-half` } as DeliveredEvent;

describe('an event that is sent again', () => {
  test.each<[string, DeliveredEvent, DeliveredEvent[], boolean]>([
    ['a phase that its run has left', entered(1, 'soaking'), [entered(2, 'promoting')], true],
    ['a phase of a run that ended', entered(1, 'promoting'), [promoted(2)], true],
    ['a phase in which its run still is', entered(1, 'soaking'), [other(promoted(2)), held(3)], false],
    ['a hold that was decided', held(2), [decided(3)], true],
    ['a hold of a run that went on', held(2), [entered(3, 'promoting')], true],
    ['a hold that waits', held(2), [entered(3, 'held'), other(decided(4))], false],
    ['a hold of a build that was released again', held(2), [again(entered(3, 'soaking'))], true],
    ['a reminder of a hold that was decided', reminder, [decided(3)], true],
    ['an end of a build that was released again', rejected(2), [again(entered(3, 'soaking'))], true],
    ['an end, after which another build was promoted', rejected(2), [other(promoted(3))], false],
    [
      'a promotion, after which its build was found live',
      promoted(2),
      [again(entered(3, 'soaking')), again(foundLive(4))],
      false,
    ],
    ['a promotion of a build that is released again', promoted(2), [again(entered(3, 'soaking'))], false],
    ['a promotion of a build that was promoted again', promoted(2), [other(promoted(3)), again(promoted(4))], true],
    ['a build that was found live, and released again', foundLive(2), [again(entered(3, 'soaking'))], true],
    ['an alarm', alarmed(1), [promoted(2)], false],
    ['a decision', decided(1), [promoted(2)], false],
  ])('%s, is overtaken or not', (_what, event, later, isOver) => {
    expect(isOvertaken(event, later, true)).toBe(isOver);
  });

  test('is overtaken by the end of its run if it is a hold, a reminder or a phase, and no other event is', () => {
    const all = [held(1), reminder, entered(1, 'soaking'), rejected(1), alarmed(1), decided(1)];
    expect(all.map((event) => isOvertaken(event, [], false))).toEqual([true, true, true, false, false, false]);
  });

  test('is compared with what came later by time, and by number within one moment', () => {
    const sameMoment = delivered(3, promoted(3), { at: held(2).at });
    expect(laterThan(held(2), [entered(1, 'held'), held(2), sameMoment, decided(4)])).toEqual([sameMoment, decided(4)]);
  });
});
