import { expect } from 'vitest';
import { releaseId, releaseLaneId, taskQueue } from '../../src/contract/ids.js';
import type { LaneState } from '../../src/contract/lane.js';
import type { ReleaseInput } from '../../src/contract/release.js';
import { parseSha } from '../../src/contract/sha.js';
import { LANE_TASK_TIMEOUT } from '../../src/temporal/lane-client.js';
import { awaitRunEnd } from '../../src/temporal/runs.js';
import type { Gate } from './gate.js';
import { startSeededLane } from './seeds.js';
import { newSha } from './shas.js';
import { until } from './until.js';

/** Handle of the lane that runs now. */
export const laneHandle = ({ client, lane }: Gate) => client.workflow.getHandle(releaseLaneId(lane));

/** State of the lane, as soon as it answers; a copy, which a test may change. */
export const laneState = async ({ laneClient }: Gate): Promise<LaneState> =>
  structuredClone(await until('the lane answers', () => laneClient.state()));

/** Waits until the lane keeps no copy of the ledger any more: until then the registry is asked for it. */
export const copyKept = (gate: Gate) =>
  until('no copy is being kept', async () => {
    const { pendingActivities } = (await laneHandle(gate).describe()).raw;
    return !pendingActivities?.some(({ activityType }) => activityType?.name === 'keepLedger');
  });

/** Starts the lane unless one is open, as any caller of the lane does. */
export async function startLane({ client, lane }: Gate, args: unknown[] = []): Promise<string> {
  const handle = await client.workflow.start('ReleaseLane', {
    workflowId: releaseLaneId(lane),
    taskQueue: taskQueue(lane),
    workflowTaskTimeout: LANE_TASK_TIMEOUT,
    workflowIdConflictPolicy: 'USE_EXISTING',
    args,
  });
  return handle.firstExecutionRunId;
}

/** Terminates the lane. */
export const endLane = (gate: Gate) => laneHandle(gate).terminate('by the test');

/** Promotes a GREEN build; the lane is free afterwards. */
export async function promoted(gate: Gate): Promise<{ sha: string; digests: string[] }> {
  const build = await gate.greenBuild();
  const { report } = await awaitRunEnd(await gate.release({ sha: build.sha }));
  expect(report).toMatchObject({ outcome: 'promoted' });
  await until('the lane is free', async () => (await laneState(gate)).holder === null);
  return build;
}

/** Creates a GREEN build that went live before: a person moved `:latest` to it, and the lane adopted it. A tenth of the cost of `promoted`, with the same ledger but for the kind of the entry. */
export async function adopted(gate: Gate): Promise<{ sha: string; digests: string[] }> {
  const build = await gate.greenBuild();
  await gate.setLatest(build.sha);
  return build;
}

/** Waits until the release of a build is in the queue. */
export const inQueue = (gate: Gate, sha: string) =>
  until(`${sha} waits`, async () => (await laneState(gate)).queue.some((one) => one.sha === sha));

/** Waits until the release of a build holds the lane. */
export const holdsLane = (gate: Gate, sha: string, ms?: number) =>
  until(`${sha} holds the lane`, async () => (await laneState(gate)).holder?.sha === sha, ms);

/** Gives the lane to a release of a type that no worker registers: each of its workflow tasks fails, and it handles no message. */
export async function stuckHolder(gate: Gate) {
  const { sha } = await gate.greenBuild();
  const handle = await gate.client.workflow.start('ReleaseOfNextYear', {
    workflowId: releaseId(gate.lane, parseSha(sha)),
    taskQueue: taskQueue(gate.lane),
  });
  const { workflowId, firstExecutionRunId: runId } = handle;
  await gate.laneClient.joinQueue({ workflowId, runId, sha: parseSha(sha) });
  await holdsLane(gate, sha);
  return { sha, handle };
}

/** Releases a build that the fleet does not run yet. */
export async function arrive(gate: Gate, more: Partial<ReleaseInput> = {}) {
  const sha = newSha();
  const digests = await gate.publish(sha);
  return { sha, digests, handle: await gate.release({ ...more, sha }) };
}

/** Releases a build while another release holds the lane. */
export async function queuedRelease(gate: Gate, more: Partial<ReleaseInput> = {}) {
  const next = await arrive(gate, more);
  await inQueue(gate, next.sha);
  return next;
}

/** Makes the lane look as it does two minutes after its last move: until then, an unexpected `:latest` may be a stale read. */
export async function makeLaneSettled(gate: Gate): Promise<void> {
  const state = await laneState(gate);
  if (state.ledger.expectedLatest) state.ledger.expectedLatest.at -= 120_000;
  await endLane(gate);
  await startSeededLane(gate, state);
  await until('it has read :latest once more', async () => {
    const { events } = await laneHandle(gate).fetchHistory();
    const reads = (events ?? []).filter(
      ({ activityTaskScheduledEventAttributes: read }) => read?.activityType?.name === 'reread',
    );
    return reads.some(({ eventId: id }) =>
      events?.some(({ activityTaskCompletedEventAttributes: done }) => done && `${done.scheduledEventId}` === `${id}`),
    );
  });
}
