import { expect, test } from 'vitest';
import { resetFix } from '../../src/temporal/records/trouble.js';

test('a delivery of events that is stuck is reset with its signals, and every other run without', () => {
  const reset = (id: string, without = '') =>
    `temporal workflow reset --workflow-id ${id} --type LastWorkflowTask${without} --reason stuck`;
  for (const id of ['deliver-events', 'eu.payments-deliver-events']) expect(resetFix(id)).toBe(reset(id));
  for (const id of ['release-lane', 'deliver-events-move-latest'])
    expect(resetFix(id)).toBe(reset(id, ' --reapply-exclude Signal'));
});
