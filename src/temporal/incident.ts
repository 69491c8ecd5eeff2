import type { Client, WorkflowExecutionInfo } from '@temporalio/client';
import { undoneBy } from '../domain/lane/undone.js';
import { type Lane, releaseId, watchProductionId } from '../domain/names.js';
import type { WatchReport } from '../domain/production.js';
import { parseSha } from '../domain/sha.js';
import type { Incident } from '../report/incident.js';
import { movedAny } from '../report/postmortem.js';
import type { RunRecord } from '../report/run-record.js';
import { isSilent, readLane } from './lane-now.js';
import { watchReport } from './production-now.js';
import { lastEnded, whatWasLive } from './run-record.js';

/** Runs of one watch that are looked at, the last first. */
const LOOKED_AT = 20;

/** What rollbacks undid, by what the lane knows now. */
export async function incidents(client: Client, lane: Lane) {
  const state = await readLane(client, lane);
  const ofLedger = (rollback: RunRecord) => (isSilent(state) ? null : undoneBy(state.ledger, rollback));
  return {
    /** Whether it moved an image, or marked a build that somebody else had moved away from (`rollback --direct`). */
    didAnything: (rollback: RunRecord) => movedAny(rollback) || (ofLedger(rollback)?.bad.length ?? 0) > 0,
    /** All that the ledger, the runs and the watches over production know of it. */
    async read(rollback: RunRecord): Promise<Incident> {
      const ledger = ofLedger(rollback);
      const named = ledger?.undone?.sha;
      const broken =
        (await whatWasLive(client, rollback)) ??
        (named ? await lastEnded(client, releaseId(lane, named), ({ outcome }) => outcome === 'promoted') : null);
      const bad = named ?? broken?.sha;
      const until = rollback.ended ?? new Date().toISOString();
      const [took, wentBack] = await Promise.all([
        bad ? watchOver(client, lane, bad, (runs) => runs.find((run) => begin(run) <= until)) : null,
        watchOver(client, lane, rollback.sha, (runs) => runs.findLast((run) => begin(run) >= rollback.started)),
      ]);
      return { rollback, broken, ledger, took, wentBack };
    },
  };
}

const begin = ({ startTime }: WorkflowExecutionInfo) => startTime.toISOString();

/** @param choose among the runs of the watch, the last first. */
async function watchOver(
  client: Client,
  lane: Lane,
  sha: string,
  choose: (runs: WorkflowExecutionInfo[]) => WorkflowExecutionInfo | undefined,
): Promise<WatchReport | null> {
  const runs: WorkflowExecutionInfo[] = [];
  const query = `WorkflowId = '${watchProductionId(lane, parseSha(sha))}'`;
  for await (const run of client.workflow.list({ query, pageSize: LOOKED_AT })) if (runs.push(run) === LOOKED_AT) break;
  const run = choose(runs);
  return run ? watchReport(client, run) : null;
}
