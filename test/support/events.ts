import type { DeliveredEvent, ReleaseEvent } from '../../src/contract/events.js';

/** Run of the events below. */
export const RUN = '0f8fad5b-d9cb-469f-a165-70867728950e';

/** Time of the event `number`, ISO 8601: a second apart. */
export const momentOf = (number: number) => new Date(Date.UTC(2026, 10, 29, 6, 0, number)).toISOString();

/** An event of the release of 4c1d56e, as a workflow emits it. */
export const delivered = (number: number, event: ReleaseEvent, other: Partial<DeliveredEvent> = {}): DeliveredEvent =>
  ({
    ...event,
    id: `${RUN}-${number}`,
    at: momentOf(number),
    workflow: 'CanaryRelease',
    workflowId: 'canary-release-4c1d56e',
    sha: '4c1d56e',
    ...other,
  }) as DeliveredEvent;

/** Release that is held, approved and promoted, then one that is RED, and an alarm. */
export const held = (number: number, until: string | null = '2026-12-02T06:00:00.000Z') =>
  delivered(number, {
    type: 'held',
    hold: 'approval',
    holdId: 'h1-abc123',
    why: 'CANARY_APPROVAL is required',
    until,
  });
export const promoted = (number: number) =>
  delivered(number, { type: 'promoted', outcome: 'promoted', why: 'every check passed' });
/** Release of a build that is live already. */
export const foundLive = (number: number) =>
  delivered(number, { type: 'promoted', outcome: 'promoted', why: 'on this build since 06:00', moved: false });
export const rejected = (number: number) =>
  delivered(number, {
    type: 'rejected',
    outcome: 'CanaryRejected',
    why: 'canary-1: events endpoint returns JSON <!channel> `x`',
  });
export const alarmed = (number: number) =>
  delivered(number, { type: 'alarm', alarm: 'move-split', why: 'platform on 1111111, tenant on 2222222' });
export const entered = (number: number, phase: 'soaking' | 'promoting' | 'held' | 'awaiting-approval') =>
  delivered(number, { type: 'phase-entered', phase, why: 'for 6m' });
export const decided = (number: number) =>
  delivered(number, { type: 'decided', decision: 'approve', by: 'ada', reason: 'seen', hold: 'approval' });
