import { moveLatestId, releaseLaneId, taskQueue, WORKFLOWS } from '../../src/contract/ids.js';
import type { Stage } from './stage.js';

// What strangers do who may write to the namespace of Temporal, and know the ids.

const oneOf = <T>(list: readonly T[], choice: number): T => list[choice % list.length] as T;

export async function junk(stage: Stage, choice: number): Promise<void> {
  const { client } = stage.servers;
  const ids = [releaseLaneId(stage.lane), moveLatestId(stage.lane), ...stage.runs.map(({ workflowId }) => workflowId)];
  const names = [
    'join-queue',
    'holder-status',
    'lane-revoked',
    'approve',
    'abort',
    'begin-rollback',
    'report-move',
    'pause',
  ];
  const payloads = [null, 7, [], {}, { by: 7 }, { runId: 'x' }, 'x'.repeat(100_000), { sha: { length: 1 } }];
  for (let index = 0; index < 12; index += 1) {
    const handle = client.workflow.getHandle(oneOf(ids, choice + index));
    await handle.signal(oneOf(names, choice * 3 + index), oneOf(payloads, choice * 5 + index)).catch(() => undefined);
  }
}

export async function forgeLane({ servers, lane }: Stage, choice: number): Promise<void> {
  const workflowId = choice % 5 === 0 ? `${lane}-release-lane-2` : releaseLaneId(lane);
  const args = [choice % 3 === 0 ? {} : { ledger: { history: [], knownBad: [], hold: null } }];
  await servers.client.workflow.start(WORKFLOWS.lane, {
    workflowId,
    taskQueue: taskQueue(lane),
    args,
    workflowIdConflictPolicy: 'TERMINATE_EXISTING',
  });
}

export async function startMover({ servers, lane, repositories, builds }: Stage, choice: number): Promise<void> {
  const { sha, digests } = oneOf(builds, choice);
  const images = repositories.map((name) => ({
    repository: `${servers.proxy.gate}/${name}`,
    to: digests[name]?.[0],
    from: null,
  }));
  const kind = choice % 2 === 0 ? 'rollback' : 'promotion';
  const args = [{ kind, sha, images, by: 'eve', reason: 'chaos', accepted: true, force: true, laneUnavailable: true }];
  const workflowId = choice % 3 === 0 ? `${lane}-move-latest-2` : moveLatestId(lane);
  await servers.client.workflow.start('MoveLatest', { workflowId, taskQueue: taskQueue(lane), args });
}
