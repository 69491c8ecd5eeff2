import type { Client, WorkflowExecutionInfo } from '@temporalio/client';
import { type Lane, releaseId, watchProductionId } from '../contract/ids.js';
import { parseSha } from '../contract/sha.js';
import type { Incident, WatchResult } from '../report/incident.js';
import { type RolledBackBuild, rolledBackBuild } from '../report/rolled-back-build.js';
import { latestOf, movedAny, type RunRecord, summarizeRun } from '../report/summary.js';
import { LONG_READ_MS } from './lane-client.js';
import { isUnavailable, readLane } from './lane-view.js';
import { watchReport } from './production.js';
import { listRuns } from './records/listing.js';
import { lastEnded, previousLiveRun } from './records/run.js';

/** Runs of one watch that are read, the latest first. */
const MAX_RUNS = 20;

/** What rollbacks undid, by the current ledger. */
export async function incidents(client: Client, lane: Lane) {
  const state = await readLane(client, lane, LONG_READ_MS);
  const rolledBackBuildOf = (rollback: RunRecord) =>
    isUnavailable(state)
      ? null
      : rolledBackBuild(
          state.ledger,
          rollback,
          summarizeRun(rollback).images.map((image) => latestOf(image).before),
        );
  return {
    /** Whether it moved an image, or marked a build that `rollback --direct` had moved away from. */
    didAnything: (rollback: RunRecord) => movedAny(rollback) || rolledBackBuildOf(rollback)?.marked === true,
    read: (rollback: RunRecord) => readIncident(client, lane, rollback, rolledBackBuildOf(rollback)),
  };
}

/** Everything the ledger, the runs and the watches over production record of a rollback. */
export async function readIncident(
  client: Client,
  lane: Lane,
  rollback: RunRecord,
  ledger: RolledBackBuild | null,
): Promise<Incident> {
  const rolledBackSha = ledger?.sha;
  // A release whose mover never reported is not recorded as promoted.
  const wentLive = (run: RunRecord) => (run.outcome === 'promoted' && movedAny(run)) || ledger?.rolledBackMove === null;
  const broken =
    (await previousLiveRun(client, rollback)) ??
    (rolledBackSha ? await lastEnded(client, releaseId(lane, rolledBackSha), wentLive) : null);
  const badSha = rolledBackSha ?? broken?.sha;
  const [brokenWatch, targetWatch] = await Promise.all([
    badSha ? findWatch(client, lane, badSha, (runs) => watchOfMove(runs, rollback, ledger, broken)) : null,
    findWatch(client, lane, rollback.sha, (runs) => runs.findLast((run) => movedAt(run) >= rollback.started)),
  ]);
  return { rollback, broken, ledger, brokenWatch, targetWatch };
}

/** Watch over the move that was rolled back; else the latest that covers its time on `:latest`: an adoption starts no watch of its own. */
function watchOfMove(
  runs: WorkflowExecutionInfo[],
  { ended }: RunRecord,
  ledger: RolledBackBuild | null,
  broken: RunRecord | null,
): WorkflowExecutionInfo | undefined {
  const startedAt = ({ startTime }: WorkflowExecutionInfo) => startTime.toISOString();
  return (
    runs.find((run) => movedAt(run) === ledger?.rolledBackMove?.at) ??
    runs.find((run) => startedAt(run) <= (ended ?? '9') && startedAt(run) >= (broken?.started ?? ''))
  );
}

/** Time of the move that a watch follows, ISO 8601. */
const movedAt = ({ memo }: WorkflowExecutionInfo) => String(memo?.movedAt ?? '');

/** @param choose picks among the runs of the watch, the latest first. */
async function findWatch(
  client: Client,
  lane: Lane,
  sha: string,
  choose: (runs: WorkflowExecutionInfo[]) => WorkflowExecutionInfo | undefined,
): Promise<WatchResult> {
  const run = choose(await listRuns(client, `WorkflowId = '${watchProductionId(lane, parseSha(sha))}'`, MAX_RUNS));
  return run ? ((await watchReport(client, run)) ?? 'silent') : null;
}
