import type { Client, WorkflowExecutionInfo } from '@temporalio/client';
import {
  type Lane,
  moveTaskQueue,
  parseRunId,
  releaseLaneId,
  taskQueue,
  WORKFLOWS,
  type WrongClock,
} from '../contract/ids.js';
import type { Holder, LedgerEntry } from '../contract/lane.js';
import type { TagState } from '../contract/move.js';
import type { ReleaseStatus } from '../contract/release.js';
import { CanaryOutcome, CanaryPhase, CanarySha, CanaryWaitingFor } from '../contract/search-attributes.js';
import { whyNot, withinTime } from './faults/in-time.js';
import { wrongClocks } from './faults/wrong-clock.js';
import type { LaneUnavailable } from './lane-client.js';
import { isUnavailable, type LaneNow, laneNow, readLane } from './lane-view.js';
import { workersOn } from './pollers.js';
import { type ProductionNow, productionNow } from './production.js';
import { endedAdditions } from './records/additions.js';
import { listRunsOf, RunsUnlisted } from './records/listing.js';
import { openRuns, type Trouble, troublesOf, type Unseen } from './records/trouble.js';
import { awaitRunEnd, findRun, isOpen, queryStatus, type RunEnd } from './runs.js';
import { waitsFor } from './waits-for.js';

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

/** The build at `:latest`, by the latest move. */
export interface LiveBuild {
  /** Null for an adopted one whose build is unknown. */
  sha: string | null;
  /** ISO 8601. */
  since: string;
  /** What moved it there. */
  how: string;
  by: string | null;
  images: TagState[];
  /** How production took it; null if production is not watched. */
  production?: string | null;
  /** Rollback command that its watch proposes, if production is red. */
  productionBack?: string | null;
}

/** What is live, what is running, and which workers poll. */
export interface Overview {
  lane: LaneNow | LaneUnavailable;
  /** Why runs cannot be listed, so that `running` has those alone that the lane knows, and `ended` none; null if they are. */
  unlisted: string | null;
  /** What `troubles` lacks, if anything. */
  unseen?: Unseen;
  /** By the ledger, else by the runs the server keeps; null if neither has a move. */
  live: LiveBuild | null;
  /** The previous good build: the target of a rollback. */
  back: string | null;
  /** The latest run that left the images split or unmoved; null if a later one, or a person who adopted `:latest` since, fixed that. */
  alarm: (ListedRun & { why: string }) | null;
  /** Running runs; `state` is null if no worker answers in time. */
  running: (ListedRun & {
    state: ReleaseStatus | null /** What a rollback waits for, and which steps of a release fail. */;
    waitsFor?: string[];
  })[];
  /** Open runs that do not go on, and why, and a watch over the live build, or an addition of a tenant, that ended too early. */
  troubles: Trouble[];
  /** Ended runs, the latest first. */
  ended: ListedRun[];
  workers: { queue: string; identities: string[] /** Why it is not known who polls. */; unasked?: string }[];
  /** Those of them whose clock is wrong. */
  clocks: WrongClock[];
}

const MOVED_OUTCOMES = ['promoted', 'rolled-back', 'already'];
const FAILED_MOVE_OUTCOMES = ['PairSplit', 'MoveFailed'];
/** Upper bound of listed runs; the Temporal UI lists all. */
const MAX_RUNS = 50;
/** Time limit of one status query, in milliseconds: the whole view takes at most two seconds. */
const QUERY_TIMEOUT_MS = 1_000;

const KIND_LABELS = { promotion: 'promoted', rollback: 'rolled back', adopted: 'adopted' };

/** Combines the lane, listed runs, results of closed runs and status queries, all read at once. */
export async function overview(client: Client, lane: Lane): Promise<Overview> {
  const runsPromise = overviewFromRuns(client, lane);
  // The holder is one of the runs; a holder that is too new to be listed is queried separately.
  const stateOf = async ({ workflowId }: Holder) => {
    const run = (await runsPromise).running.find((one) => one.workflowId === workflowId);
    return run ? run.state : queryStatus(client, workflowId, QUERY_TIMEOUT_MS);
  };
  const [seen, listed] = await Promise.all([laneNow(client, lane, stateOf), runsPromise]);
  const fromRuns = { ...listed, troubles: withHolder(listed.troubles, seen) };
  const isTold = fromRuns.troubles.some(({ workflowId }) => workflowId === releaseLaneId(lane));
  const laneView = isUnavailable(seen) ? seen : { ...seen, unserved: seen.unserved && !isTold };
  if (isUnavailable(laneView) || laneView.live === null) return { lane: laneView, ...fromRuns };
  const production = await productionOfLive(client, lane, laneView);
  const { summary = null, back: productionBack = null, unwatched = null } = production ?? {};
  const troubles = [...fromRuns.troubles, ...(unwatched ? [unwatched] : [])];
  const { at, kind, ...entry } = laneView.live;
  const live = { ...entry, since: at, how: KIND_LABELS[kind], production: summary, productionBack };
  const alarm = alarmSince(fromRuns.alarm, laneView.live);
  return { ...fromRuns, alarm, troubles, lane: laneView, live, back: laneView.back };
}

/**
 * The alarm of a failed move, unless the ledger has a later entry: a move, or `:latest` as a person fixed it by hand and adopted it. An
 * adoption of no one build is that of images on several.
 */
export const alarmSince = <T extends Pick<ListedRun, 'closed'>>(
  alarm: T | null,
  { at, sha }: Pick<LedgerEntry, 'at' | 'sha'>,
): T | null => (alarm?.closed && sha !== null && Date.parse(at) > Date.parse(alarm.closed) ? null : alarm);

/** The same troubles; of a holder that is stuck with what to do if the fix does not help. */
function withHolder(troubles: Trouble[], lane: LaneNow | LaneUnavailable): Trouble[] {
  const stuck = isUnavailable(lane) ? null : lane.holder?.stuck;
  return stuck ? [stuck, ...troubles.filter(({ workflowId }) => workflowId !== stuck.workflowId)] : troubles;
}

/** How production took the live build, by the watch over the move that brought it there. */
export async function productionOfLive(
  client: Client,
  lane: Lane,
  { live, movedAt, isWatched }: Pick<LaneNow, 'live' | 'movedAt' | 'isWatched'>,
): Promise<ProductionNow | null> {
  return live?.sha ? productionNow(client, lane, live.sha, movedAt ?? live.at, isWatched) : null;
}

/** The view by the runs alone, without the ledger. */
async function overviewFromRuns(client: Client, lane: Lane): Promise<Omit<Overview, 'lane'>> {
  const [queue, moveQueue] = [taskQueue(lane), moveTaskQueue(lane)];
  const [{ runs, unlisted }, { ids: openIds, unseen }, additions, reported, ...identities] = await Promise.all([
    runsOf(client, lane),
    openRuns(client, lane),
    endedAdditions(client, lane),
    wrongClocks(client),
    readWorkers(client, queue),
    readWorkers(client, moveQueue, 'activity'),
  ]);
  const ended = runs
    .filter(({ closed }) => closed !== null)
    .sort((a, b) => ((a.closed ?? '') < (b.closed ?? '') ? 1 : -1));
  const finishedMoves = ended.filter(({ outcome }) =>
    [...MOVED_OUTCOMES, ...FAILED_MOVE_OUTCOMES].includes(outcome ?? ''),
  );
  const succeeded = finishedMoves.filter(({ outcome }) => MOVED_OUTCOMES.includes(outcome ?? ''));
  const failedMove = finishedMoves[0] && finishedMoves[0] !== succeeded[0] ? finishedMoves[0] : null;
  const open = runs.filter(({ closed }) => closed === null);
  const [live, alarm, stopped, running] = await Promise.all([
    succeeded[0] ? liveFromRun(client, succeeded[0]) : null,
    failedMove && endOf(client, failedMove).then((end) => ({ ...failedMove, why: end?.report?.why ?? '' })),
    troublesOf(client, lane, [...open.map(({ workflowId }) => workflowId), ...openIds]),
    Promise.all(
      open.map(async (run) => {
        const { workflowId } = run;
        const { isRollback } = parseRunId(workflowId);
        const [state, waits] = await Promise.all([
          queryStatus(client, workflowId, QUERY_TIMEOUT_MS),
          isRollback || (run.waitingFor === null && run.phase !== 'queued') ? waitsFor(client, lane, workflowId) : null,
        ]);
        return { ...run, state, ...(waits && { waitsFor: waits }) };
      }),
    ),
  ]);
  const workers = [queue, moveQueue].map((name, index) => ({ queue: name, identities: [], ...identities[index] }));
  const clocks = reported.filter(({ worker }) => workers.some(({ identities: those }) => those.includes(worker)));
  const troubles = [...stopped, ...additions];
  const seen = { live, back: previousGoodBuild(succeeded), alarm, running, troubles, ended, unlisted, workers, clocks };
  // Without any list, one line says so.
  return unseen && unlisted === null ? { ...seen, unseen } : seen;
}

/** How long a queue may take to say who polls it, in milliseconds: another part of the server may be silent alone. */
const WORKERS_MS = 1_500;

/** Who polls a queue, or why that is not known. */
export async function readWorkers(
  client: Client,
  queue: string,
  kind?: 'activity',
): Promise<{ identities: string[]; unasked?: string }> {
  return withinTime(client, WORKERS_MS, () => workersOn(client, queue, kind)).then(
    (identities) => ({ identities }),
    (error: unknown) => ({ identities: [], unasked: whyNot(error) }),
  );
}

/** The latest build that was live before the current one and was not rolled back from.
 * @param moves runs that moved, the latest first. */
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

/** The latest runs; without a list, those that the lane knows as running. */
async function runsOf(client: Client, lane: Lane): Promise<{ runs: ListedRun[]; unlisted: string | null }> {
  const query = `TaskQueue = '${taskQueue(lane)}' AND WorkflowType IN ('${WORKFLOWS.release}', '${WORKFLOWS.rollback}')`;
  try {
    return { runs: (await listRunsOf(client, lane, query, MAX_RUNS)).map(toListedRun), unlisted: null };
  } catch (error) {
    if (!(error instanceof RunsUnlisted)) throw error;
    const state = await readLane(client, lane);
    const known = isUnavailable(state) ? [] : [state.holder, state.rollback].filter((run) => run !== null);
    const found = await Promise.all(known.map(({ workflowId, runId }) => findRun(client, workflowId, runId)));
    return { runs: found.filter((run) => run !== null).map(toListedRun), unlisted: error.why };
  }
}

/** A run as the rest of this folder reads it. */
export function toListedRun(run: Omit<WorkflowExecutionInfo, 'raw'>): ListedRun {
  const attributes = run.typedSearchAttributes;
  return {
    workflowId: run.workflowId,
    sha: attributes.get(CanarySha) ?? null,
    status: run.status.name,
    phase: attributes.get(CanaryPhase) ?? null,
    outcome: attributes.get(CanaryOutcome) ?? (isOpen(run) ? null : run.status.name.toLowerCase()),
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
