import type { Client, WorkflowExecutionInfo } from '@temporalio/client';
import { type Lane, moveTaskQueue, taskQueue } from '../contract/ids.js';
import type { Holder } from '../contract/lane.js';
import type { TagState } from '../contract/move.js';
import type { ReleaseStatus } from '../contract/release.js';
import { CanaryOutcome, CanaryPhase, CanarySha, CanaryWaitingFor } from '../contract/search-attributes.js';
import type { LaneUnavailable } from './lane-client.js';
import { isUnavailable, type LaneNow, laneNow } from './lane-view.js';
import { workersOn } from './pollers.js';
import { productionNow } from './production.js';
import { awaitRunEnd, queryStatus, type RunEnd } from './runs.js';

/** A run as visibility lists it. */
export interface ListedRun {
  workflowId: string;
  sha: string | null;
  status: string;
  phase: string | null;
  outcome: string | null;
  waitingFor: string | null;
  started: string;
  closed: string | null;
}

/** The build at `:latest`, by the last move. */
export interface LiveBuild {
  /** Null for an adopted one whose build nobody knows. */
  sha: string | null;
  /** ISO 8601. */
  since: string;
  /** How it came there. */
  how: string;
  by: string | null;
  images: TagState[];
  /** How production takes it, where that is watched. */
  production?: string | null;
}

/** What is live, what is under way, and who carries it out. */
export interface Overview {
  lane: LaneNow | LaneUnavailable;
  /** The last move of the ledger, or of the runs that are left; null when neither knows of one. */
  live: LiveBuild | null;
  /** Where a rollback would go. */
  back: string | null;
  /** The last run that left the images where nobody wanted them; null when a later one mended that. */
  alarm: (ListedRun & { why: string }) | null;
  /** Runs under way; `state` is null when no worker answers for one in time. */
  running: (ListedRun & { state: ReleaseStatus | null })[];
  /** Ended runs, the last one first. */
  ended: ListedRun[];
  workers: { queue: string; identities: string[] }[];
}

const MOVED_OUTCOMES = ['promoted', 'rolled-back', 'already'];
const FAILED_MOVE_OUTCOMES = ['PairSplit', 'MoveFailed'];
/** Runs that are looked at; who wants more looks into Temporal. */
const MAX_RUNS = 50;
/** How long one run gets to answer, in milliseconds: the whole picture has to be there within two seconds. */
const QUERY_TIMEOUT_MS = 1_000;

const KIND_LABELS = { promotion: 'promoted', rollback: 'rolled back', adopted: 'adopted' };

/** Puts the picture together from the lane, what is listed, closed results and live answers; all asked at once. */
export async function overview(client: Client, lane: Lane): Promise<Overview> {
  const runsPromise = overviewFromRuns(client, lane);
  // The holder is one of the runs; one that is too new to be listed is asked by itself.
  const stateOf = async ({ workflowId }: Holder) => {
    const run = (await runsPromise).running.find((one) => one.workflowId === workflowId);
    return run ? run.state : queryStatus(client, workflowId, QUERY_TIMEOUT_MS);
  };
  const [laneView, fromRuns] = await Promise.all([laneNow(client, lane, stateOf), runsPromise]);
  if (isUnavailable(laneView) || laneView.live === null) return { lane: laneView, ...fromRuns };
  const production = await productionOfLive(client, lane, laneView);
  const { at, kind, ...entry } = laneView.live;
  const live = { ...entry, since: at, how: KIND_LABELS[kind], production };
  return { ...fromRuns, lane: laneView, live, back: laneView.back };
}

/** How production takes the live build, by the watch over the move that brought it there. */
export async function productionOfLive(
  client: Client,
  lane: Lane,
  { live, movedAt }: Pick<LaneNow, 'live' | 'movedAt'>,
): Promise<string | null> {
  if (!live?.sha) return null;
  const now = await productionNow(client, lane, live.sha, movedAt ?? live.at);
  return now?.summary ?? null;
}

/** What runs alone tell. */
async function overviewFromRuns(client: Client, lane: Lane): Promise<Omit<Overview, 'lane'>> {
  const [queue, moveQueue] = [taskQueue(lane), moveTaskQueue(lane)];
  const [runs, ...identities] = await Promise.all([
    listRuns(client, queue),
    workersOn(client, queue),
    workersOn(client, moveQueue, 'activity'),
  ]);
  const ended = runs
    .filter(({ closed }) => closed !== null)
    .sort((a, b) => ((a.closed ?? '') < (b.closed ?? '') ? 1 : -1));
  const finishedMoves = ended.filter(({ outcome }) =>
    [...MOVED_OUTCOMES, ...FAILED_MOVE_OUTCOMES].includes(outcome ?? ''),
  );
  const succeeded = finishedMoves.filter(({ outcome }) => MOVED_OUTCOMES.includes(outcome ?? ''));
  const failedMove = finishedMoves[0] && finishedMoves[0] !== succeeded[0] ? finishedMoves[0] : null;
  const [live, alarm, running] = await Promise.all([
    succeeded[0] ? liveFromRun(client, succeeded[0]) : null,
    failedMove && endOf(client, failedMove).then((end) => ({ ...failedMove, why: end?.report?.why ?? '' })),
    Promise.all(
      runs
        .filter(({ closed }) => closed === null)
        .map(async (run) => ({ ...run, state: await queryStatus(client, run.workflowId, QUERY_TIMEOUT_MS) })),
    ),
  ]);
  const workers = [queue, moveQueue].map((name, index) => ({ queue: name, identities: identities[index] ?? [] }));
  return { live, back: previousGoodBuild(succeeded), alarm, running, ended, workers };
}

/** The last build that was live before the one that is now, but for those that a rollback went away from. Runs with the last one first. */
export function previousGoodBuild(moves: Pick<ListedRun, 'sha' | 'outcome'>[]): string | null {
  const [live, ...earlier] = moves;
  const rolledBack = new Set<string | null>();
  moves.forEach(({ sha, outcome }, at) => {
    if (outcome !== 'rolled-back') return;
    const since = moves.findIndex((run, index) => index > at && run.sha === sha);
    for (const run of moves.slice(at + 1, since < 0 ? at + 2 : since)) rolledBack.add(run.sha);
  });
  return earlier.find(({ sha }) => sha !== live?.sha && !rolledBack.has(sha))?.sha ?? null;
}

async function listRuns(client: Client, queue: string): Promise<ListedRun[]> {
  const query = `TaskQueue = '${queue}' AND WorkflowType IN ('CanaryRelease', 'Rollback')`;
  const runs: ListedRun[] = [];
  for await (const run of client.workflow.list({ query, pageSize: MAX_RUNS }))
    if (runs.push(toListedRun(run)) === MAX_RUNS) break;
  return runs;
}

function toListedRun(run: WorkflowExecutionInfo): ListedRun {
  const attributes = run.typedSearchAttributes;
  return {
    workflowId: run.workflowId,
    sha: attributes.get(CanarySha) ?? null,
    status: run.status.name,
    phase: attributes.get(CanaryPhase) ?? null,
    outcome: attributes.get(CanaryOutcome) ?? (run.status.name === 'RUNNING' ? null : run.status.name.toLowerCase()),
    waitingFor: attributes.get(CanaryWaitingFor) ?? null,
    started: run.startTime.toISOString(),
    closed: run.closeTime?.toISOString() ?? null,
  };
}

async function liveFromRun(client: Client, run: ListedRun): Promise<LiveBuild> {
  const report = (await endOf(client, run))?.report;
  const how = `${run.outcome} by ${run.workflowId}`;
  const { sha, closed, started } = run;
  return { sha, since: closed ?? started, how, by: report?.requestedBy ?? null, images: report?.images ?? [] };
}

function endOf(client: Client, { workflowId }: ListedRun): Promise<RunEnd | null> {
  return awaitRunEnd(client.workflow.getHandle(workflowId, undefined, { followRuns: false })).catch(() => null);
}
