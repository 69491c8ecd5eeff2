import {
  addTenantId,
  checkDriftId,
  deliverEventsId,
  moveLatestId,
  releaseId,
  releaseLaneId,
  rollbackId,
  taskQueue,
  WORKFLOWS,
  type WorkflowType,
  watchProductionId,
} from '../../src/contract/ids.js';
import { parseSha } from '../../src/contract/sha.js';
import { parseSlug } from '../../src/contract/tenants/added.js';
import { junkOf } from '../choices.js';
import type { Stage } from './stage.js';
import { oneOf } from './tenants.js';

// What strangers do who may write to the namespace of Temporal, and know the ids.

const NAMES = [
  'join-queue',
  'holder-status',
  'lane-revoked',
  'approve',
  'abort',
  'begin-rollback',
  'report-move',
  'pause',
  'authorize-move',
  'adopt',
  'drift',
  'quarantine',
  'fleet-seen',
];
const QUERIES = ['status', 'lane', '__stack_trace', '__enhanced_stack_trace', 'x'.repeat(1_000)];
const PAYLOADS = [null, 7, [], {}, { by: 7 }, { runId: 'x' }, 'x'.repeat(100_000), { sha: { length: 1 } }];
/** Inputs of starts: as far as a parser may follow them. */
const INPUTS = [...PAYLOADS, { sha: 'abcdef0' }, { kind: 'rollback', sha: 'abcdef0', images: [null] }];
/** Longest wait for what junk leads to, in milliseconds. */
const ANSWER_MS = 2_000;
const TIMES = 12;

/** Junk for the runs of a gate: signals, updates and queries with any content, or runs of its types with any input. */
export async function junk(stage: Stage, choice: number): Promise<void> {
  const { client } = stage.servers;
  const ids = [releaseLaneId(stage.lane), moveLatestId(stage.lane), ...stage.runs.map(({ workflowId }) => workflowId)];
  const kind = junkOf(choice);
  if (kind === 'starts') return startJunk(stage, choice);
  const send = (index: number): Promise<unknown> => {
    const handle = client.workflow.getHandle(oneOf(ids, choice + index));
    const name = oneOf(NAMES, choice * 3 + index);
    const payload = oneOf(PAYLOADS, choice * 5 + index);
    if (kind === 'updates') return handle.executeUpdate(name, { args: [payload] });
    return kind === 'queries' ? handle.query(oneOf(QUERIES, choice + index), payload) : handle.signal(name, payload);
  };
  const all = Array.from({ length: TIMES }, (_, index) => send(index).catch(() => undefined));
  await client.withDeadline(Date.now() + ANSWER_MS, () => Promise.all(all));
}

/** One run of each type with junk, under an id of the gate's form: a stranger cannot have the other ids while their runs are open. */
async function startJunk({ servers: { client }, lane }: Stage, choice: number): Promise<void> {
  const sha = parseSha((choice + 0xbad0000).toString(16));
  const idOf: Record<WorkflowType, string> = {
    CanaryRelease: releaseId(lane, sha),
    Rollback: rollbackId(lane, sha),
    MoveLatest: moveLatestId(lane),
    ReleaseLane: releaseLaneId(lane),
    WatchProduction: watchProductionId(lane, sha),
    CheckDrift: checkDriftId(lane),
    DeliverEvents: deliverEventsId(lane),
    AddCanaryTenant: addTenantId(lane, parseSlug(`junk-${choice}`)),
  };
  const starts = Object.entries(idOf).map(([type, workflowId], index) =>
    client.workflow.start(type, {
      workflowId,
      taskQueue: taskQueue(lane),
      args: [oneOf(INPUTS, choice + index)],
      workflowIdReusePolicy: 'ALLOW_DUPLICATE',
    }),
  );
  await Promise.all(starts.map((start) => start.catch(() => undefined)));
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
