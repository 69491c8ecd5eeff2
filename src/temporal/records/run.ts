import {
  type Client,
  type WorkflowExecutionDescription,
  type WorkflowExecutionInfo,
  WorkflowNotFoundError,
} from '@temporalio/client';
import { type FailureType, isFailureType } from '../../contract/failures.js';
import { isWaitedFor } from '../../contract/hold.js';
import { type Lane, laneOf, parseRunId, taskQueue, WORKFLOWS } from '../../contract/ids.js';
import { isReleasePhase, OUTCOMES } from '../../contract/release.js';
import {
  CanaryOutcome,
  CanaryPhase,
  CanaryPhaseSince,
  CanaryRequestedBy,
  CanarySha,
  CanaryTenantsRed,
  CanaryWaitingFor,
} from '../../contract/search-attributes.js';
import { latestOf, movedAny, type RunRecord, wasLive } from '../../report/summary.js';
import { awaitRunEnd, findRun, isOpen, outcomeOfRun, queryStatus, type RunEnd } from '../runs.js';
import { listRuns, listRunsOf, RunsUnlisted } from './listing.js';

/** Upper bound of runs that are searched, the latest first. */
const MAX_RUNS = 50;

/** The record of the latest run with this id, or of one of its runs; null if there is none. A closed run is not queried: that needs a worker. */
export async function readRun(client: Client, workflowId: string, runId?: string): Promise<RunRecord | null> {
  const found = await findRun(client, workflowId, runId);
  if (found === null) return null;
  const isRunning = isOpen(found);
  const status = isRunning ? await queryStatus(client, workflowId) : null;
  const end = isRunning ? null : await endOf(client, found);
  const record = recordOf(client.options.namespace, found, end, status);
  try {
    return { ...record, before: (await previousLiveRun(client, record))?.sha ?? null };
  } catch (error) {
    if (error instanceof RunsUnlisted) return { ...record, unlisted: error.message };
    throw error;
  }
}

/** The latest ended run with this id that `isWanted`; null if the server keeps none.
 * @throws {RunsUnlisted} */
export async function lastEnded(
  client: Client,
  workflowId: string,
  isWanted: (run: RunRecord) => boolean,
): Promise<RunRecord | null> {
  const query = `WorkflowId = '${workflowId}' AND CloseTime IS NOT NULL`;
  for (const found of await listRuns(client, query, MAX_RUNS)) {
    const record = recordOf(client.options.namespace, found, await endOf(client, found), null);
    if (isWanted(record)) return record;
  }
  return null;
}

/** Ended releases and rollbacks of a lane, the latest first, `max` of them.
 * @throws {RunsUnlisted} */
export async function endedRuns(client: Client, lane: Lane, max: number): Promise<RunRecord[]> {
  const types = `'${WORKFLOWS.release}', '${WORKFLOWS.rollback}'`;
  const query = `TaskQueue = '${taskQueue(lane)}' AND WorkflowType IN (${types}) AND CloseTime IS NOT NULL`;
  const records: RunRecord[] = [];
  for (const found of await listRunsOf(client, lane, query, max)) {
    const end = await endOf(client, found).catch((error: unknown) => {
      // Deleted since it was listed, or listed for longer than it was kept.
      if (error instanceof WorkflowNotFoundError) return null;
      throw error;
    });
    const record = recordOf(client.options.namespace, found, end, null);
    records.push(end === null ? goneOf(record, found) : record);
  }
  return records;
}

/** What the list tells of a run whose history is gone. */
function goneOf(record: RunRecord, { typedSearchAttributes, status }: WorkflowExecutionInfo): RunRecord {
  const listed = typedSearchAttributes.get(CanaryOutcome);
  const ended =
    status.name === 'TERMINATED' ? 'terminated' : status.name === 'CANCELLED' ? 'CanaryAborted' : 'TimedOut';
  return { ...record, outcome: isOutcome(listed) ? listed : ended, why: 'its history is gone', isGone: true };
}

/** Whether a text is an outcome that this version knows, or a failure type. */
const isOutcome = (text: unknown): text is keyof typeof OUTCOMES | FailureType =>
  typeof text === 'string' && (Object.hasOwn(OUTCOMES, text) || isFailureType(text));

/** A search attribute, which any client may set, if it is one that is known. */
const orNull = <T extends string>(text: string | undefined, isKnown: (one: unknown) => one is T): T | null =>
  isKnown(text) ? text : null;

function endOf(client: Client, { workflowId, runId }: { workflowId: string; runId: string }): Promise<RunEnd> {
  return awaitRunEnd(client.workflow.getHandle(workflowId, runId, { followRuns: false }));
}

function recordOf(
  namespace: string,
  found: Pick<
    WorkflowExecutionDescription,
    'workflowId' | 'runId' | 'startTime' | 'closeTime' | 'typedSearchAttributes'
  >,
  end: RunEnd | null,
  status: RunRecord['status'],
): RunRecord {
  const { workflowId, runId, startTime, closeTime, typedSearchAttributes: attributes } = found;
  const { isRollback, sha } = parseRunId(workflowId);
  const result = end && (end.report ?? end);
  return {
    kind: isRollback ? 'rollback' : 'release',
    sha: end?.report?.sha ?? attributes.get(CanarySha) ?? sha,
    lane: laneOf(workflowId),
    namespace,
    workflowId,
    runId,
    started: startTime.toISOString(),
    ended: closeTime?.toISOString() ?? null,
    outcome: end ? outcomeOfRun(end) : 'running',
    why: result?.why ?? status?.why ?? '',
    report: end?.report ?? null,
    status,
    listed: {
      phase: orNull(attributes.get(CanaryPhase), isReleasePhase),
      phaseSince: attributes.get(CanaryPhaseSince)?.toISOString() ?? null,
      waitingFor: orNull(attributes.get(CanaryWaitingFor), isWaitedFor),
      requestedBy: attributes.get(CanaryRequestedBy) ?? null,
      tenantsRed: attributes.get(CanaryTenantsRed) ?? [],
    },
    before: null,
  };
}

/** The run that moved `:latest` to where it was before `run`, by the digests; null if that was the same build, or the server keeps no such run.
 * @throws {RunsUnlisted} */
export async function previousLiveRun(client: Client, run: RunRecord): Promise<RunRecord | null> {
  const images = (run.report ?? run.status)?.images ?? [];
  const previous = images.map((image) => ({ repository: image.repository, digest: latestOf(image).before }));
  if (wasLive(images, previous) || previous.some(({ digest }) => digest === null)) return null;
  const query = `TaskQueue = '${taskQueue(run.lane)}' AND WorkflowType = '${WORKFLOWS.release}' AND CanaryOutcome = 'promoted'`;
  for (const found of await listRunsOf(client, run.lane, query, MAX_RUNS))
    if (found.closeTime && found.closeTime.toISOString() <= (run.ended ?? '9') && found.runId !== run.runId) {
      const end = await endOf(client, found).catch(() => null);
      const record = recordOf(run.namespace, found, end, null);
      // A release of a build that is already live ends as promoted too, without a test.
      if (wasLive(end?.report?.images ?? [], previous) && movedAny(record)) return record;
    }
  return null;
}
