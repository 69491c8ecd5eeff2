import type { DeliveredEvent, ReleaseEvent } from '../../src/contract/events.js';
import type { CheckResult } from '../../src/contract/tenants/check.js';
import type { RunRecord } from '../../src/report/summary.js';
import { failed, passed, record } from './records.js';

const BEGAN = Date.parse('2026-11-25T05:00:00.000Z');
/** Minutes after the begin of the release, ISO 8601. */
export const minute = (minutes: number) => new Date(BEGAN + minutes * 60_000).toISOString();

const TOLD: [number, ReleaseEvent][] = [
  [0, { type: 'phase-entered', phase: 'queued', why: '' }],
  [1, { type: 'phase-entered', phase: 'resolving', why: '' }],
  [1.1, { type: 'phase-entered', phase: 'awaiting-canary', why: '' }],
  [6, { type: 'phase-entered', phase: 'soaking', why: '' }],
  [9, { type: 'interrupted', tenants: ['canary-2'], why: '' }],
  [9, { type: 'phase-entered', phase: 'soaking', why: '' }],
  [16, { type: 'phase-entered', phase: 'smoking', why: '' }],
  [17, { type: 'phase-entered', phase: 'held', why: '' }],
  [17, { type: 'held', hold: 'could-not-test', holdId: 'h1', why: '', until: null }],
  [40, { type: 'phase-entered', phase: 'smoking', why: '' }],
  [41, { type: 'phase-entered', phase: 'promoting', why: '' }],
];

/** Events of a release that was interrupted, held, and promoted. */
export const told: DeliveredEvent[] = TOLD.map(([at, event], index) => ({
  ...event,
  id: `run-${index + 1}`,
  at: minute(at),
  workflow: 'CanaryRelease',
  workflowId: 'canary-release-9e82b1d',
}));

/** Record of that release, with foreign texts in every place that has one. */
export function eventful(by = 'ada', text = 'canary-3 had no network', tenant = 'canary-2', check = text): RunRecord {
  const untested: CheckResult = { ...failed(`search ${check}`), verdict: 'could-not-test' };
  return record(
    {
      requestedBy: by,
      reason: text,
      started: minute(0),
      ended: minute(42),
      watched: { from: minute(10), until: minute(41), watchedMs: 1, longestGapMs: 1, rounds: 3 },
      tenants: ['canary-1', tenant, 'canary-3'].map((name, index) => ({
        tenant: name,
        checks: [
          passed('liveness'),
          passed(check),
          index === 1 ? failed(check) : passed('memory'),
          index === 2 ? untested : passed('search'),
        ],
      })),
      interruptions: [{ tenant, from: minute(9), to: minute(10), answered: text }],
      decisions: [{ verb: 'retry', by, reason: text, at: minute(40), holdName: 'could-not-test', hold: 'h1' }],
    },
    { started: minute(0), ended: minute(42) },
  );
}
