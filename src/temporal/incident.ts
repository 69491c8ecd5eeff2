import type { Client, WorkflowExecutionInfo } from '@temporalio/client';
import { type Lane, releaseId, watchProductionId } from '../contract/ids.js';
import { parseSha } from '../contract/sha.js';
import { type Undone, undoneBy } from '../lane/rolled-back-build.js';
import type { Incident, Watch } from '../report/incident.js';
import { factsOf, latestOf, movedAny, type RunRecord } from '../report/summary.js';
import { isSilent, readLane } from './lane-view.js';
import { watchReport } from './production.js';
import { lastEnded, whatWasLive } from './run-record.js';

/** Runs of one watch that are looked at, the last first. */
const LOOKED_AT = 20;

/** What rollbacks undid, by what the lane knows now. */
export async function incidents(client: Client, lane: Lane) {
  const state = await readLane(client, lane);
  const ofLedger = (rollback: RunRecord) =>
    isSilent(state)
      ? null
      : undoneBy(
          state.ledger,
          rollback,
          factsOf(rollback).images.map((image) => latestOf(image).before),
        );
  return {
    /** Whether it moved an image, or marked a build that somebody else had moved away from (`rollback --direct`). */
    didAnything: (rollback: RunRecord) => movedAny(rollback) || ofLedger(rollback)?.marked === true,
    read: (rollback: RunRecord) => readIncident(client, lane, rollback, ofLedger(rollback)),
  };
}

/** All that the ledger, the runs and the watches over production know of a rollback. */
export async function readIncident(
  client: Client,
  lane: Lane,
  rollback: RunRecord,
  ledger: Undone | null,
): Promise<Incident> {
  const named = ledger?.sha;
  // One whose mover never told promoted nothing, by its own word.
  const isIt = (run: RunRecord) => (run.outcome === 'promoted' && movedAny(run)) || ledger?.undone === null;
  const broken =
    (await whatWasLive(client, rollback)) ?? (named ? await lastEnded(client, releaseId(lane, named), isIt) : null);
  const bad = named ?? broken?.sha;
  const [took, wentBack] = await Promise.all([
    bad ? watchOver(client, lane, bad, (runs) => overBroken(runs, rollback, ledger, broken)) : null,
    watchOver(client, lane, rollback.sha, (runs) => runs.findLast((run) => movedAt(run) >= rollback.started)),
  ]);
  return { rollback, broken, ledger, took, wentBack };
}

/** By the move that it followed; else the last that can have been of that time on `:latest`, for what was adopted is not watched anew. */
function overBroken(
  runs: WorkflowExecutionInfo[],
  { ended }: RunRecord,
  ledger: Undone | null,
  broken: RunRecord | null,
): WorkflowExecutionInfo | undefined {
  const begin = ({ startTime }: WorkflowExecutionInfo) => startTime.toISOString();
  return (
    runs.find((run) => movedAt(run) === ledger?.undone?.at) ??
    runs.find((run) => begin(run) <= (ended ?? '9') && begin(run) >= (broken?.started ?? ''))
  );
}

/** When the move was that a watch follows, ISO 8601. */
const movedAt = ({ memo }: WorkflowExecutionInfo) => String(memo?.movedAt ?? '');

/** @param choose among the runs of the watch, the last first. */
async function watchOver(
  client: Client,
  lane: Lane,
  sha: string,
  choose: (runs: WorkflowExecutionInfo[]) => WorkflowExecutionInfo | undefined,
): Promise<Watch> {
  const runs: WorkflowExecutionInfo[] = [];
  const query = `WorkflowId = '${watchProductionId(lane, parseSha(sha))}'`;
  for await (const run of client.workflow.list({ query, pageSize: LOOKED_AT })) if (runs.push(run) === LOOKED_AT) break;
  const run = choose(runs);
  return run ? ((await watchReport(client, run)) ?? 'silent') : null;
}
