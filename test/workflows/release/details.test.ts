import type { WorkflowHandle } from '@temporalio/client';
import { defaultPayloadConverter } from '@temporalio/common';
import { beforeAll, expect } from 'vitest';
import { moveLatestId } from '../../../src/contract/ids.js';
import { laneCommandUpdate } from '../../../src/contract/messages.js';
import { awaitRunEnd } from '../../../src/temporal/runs.js';
import { ada, heldFor, say } from '../../support/decisions.js';
import { useGate } from '../../support/gate.js';
import { laneHandle } from '../../support/lanes.js';
import { fullTest } from '../../support/rows.js';
import { newSha } from '../../support/shas.js';
import { until } from '../../support/until.js';

const gate = useGate('details', () => ({ env: { CANARY_HOLD_TIMEOUT: '20s' } }));
const OLD = newSha();
beforeAll(async () => {
  await gate().begin(OLD);
});

/** As the Temporal UI asks for it. */
async function detailsOf(handle: WorkflowHandle): Promise<string> {
  const { currentDetails } = await handle.query<{ currentDetails: string }>('__temporal_workflow_metadata');
  return currentDetails;
}

/** What the timeline calls each activity and timer of a run. */
async function summariesOf(handle: WorkflowHandle): Promise<(string | null)[]> {
  const { events } = await handle.fetchHistory();
  const summaries = (events ?? [])
    .filter((event) => event.activityTaskScheduledEventAttributes ?? event.timerStartedEventAttributes)
    .map(({ userMetadata }) =>
      userMetadata?.summary ? defaultPayloadConverter.fromPayload<string>(userMetadata.summary) : null,
    );
  // Beside the steps, as often as something happens.
  expect(summaries).toContain('publish events');
  return summaries.filter((summary) => summary !== 'publish events' && summary !== 'collect entered phases');
}

fullTest('the page of a run in the Temporal UI follows it, and its timeline names each step', async () => {
  const { sha } = await gate().greenBuild();
  const handle = await gate().release({ sha, approval: 'required' });
  const { id } = await heldFor(gate(), handle, 'approval');
  expect(await detailsOf(handle)).toContain('**awaiting-approval** for **approval**');
  await say(handle, 'approve', { ...ada, hold: id });
  await awaitRunEnd(handle);
  expect(await detailsOf(handle)).toMatch(/^\*\*done\*\*.*\*\*approve\*\* of approval by ada: looked at it$/s);

  const short = sha.slice(0, 7);
  expect(await summariesOf(handle)).toEqual([
    'wait for the lane',
    'read the plan',
    `pin the digests of ${short}`,
    `wait for ${short} on 2 tenants`,
    'watch the tenants during the soak',
    'watch the tenants until the move',
    'confirm that the release holds the lane',
    'smoke canary-1',
    'smoke canary-2',
    'read the tag of the build again',
    'confirm that the release holds the lane',
    'held: approval',
    // Again beside the move, and over the hold of one that fails.
    'watch the tenants until the move',
  ]);
  const mover = gate().client.workflow.getHandle(moveLatestId(gate().lane));
  expect(await summariesOf(mover)).toEqual([
    'check everything before the move',
    `move :latest to ${short}`,
    'report to the lane',
  ]);
});

fullTest('the page and the timeline of a rollback follow it too', async () => {
  const handle = await gate().rollback({ sha: OLD, reason: 'search is slow' });
  await awaitRunEnd(handle);
  expect(await detailsOf(handle)).toMatch(/^\*\*done\*\*.*\*\*promoted\*\*/s);
  expect(await summariesOf(handle)).toEqual([
    'read the images of the gate',
    `ask the lane for the digests of ${OLD.slice(0, 7)}`,
    `check that every image of ${OLD.slice(0, 7)} is there`,
    `read the tag of ${OLD.slice(0, 7)}`,
    'announce the rollback to the lane',
  ]);
});

fullTest('the page of the lane follows it', async () => {
  const lane = laneHandle(gate());
  await gate().laneClient.update(laneCommandUpdate('unhold'), ada);
  await until('the page says so', async () => (await detailsOf(lane)).startsWith('**Promotion is automatic**'));
  const { sha } = await gate().greenBuild();
  const handle = await gate().release({ sha, approval: 'required' });
  await heldFor(gate(), handle, 'approval');
  await until('the page says so', async () => (await detailsOf(lane)).includes(`\`${sha}\` holds the lane since `));
  await say(handle, 'abort', ada);
  await awaitRunEnd(handle);
  await until('the page says so', async () => (await detailsOf(lane)).includes('The lane is free'));
});
