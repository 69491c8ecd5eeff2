import type { Client, WorkflowExecutionInfo } from '@temporalio/client';
import { isOfGate, type Lane, ofGate } from '../../contract/ids.js';
import { whyNot, withinTime } from '../faults/in-time.js';
import { tolerantOf } from '../payloads/tolerant.js';

/** How long visibility may take to list runs, in milliseconds: the whole of `status` takes two seconds. */
const LIST_MS = 1_500;

/** Runs could not be listed: visibility is another store than the runs themselves, which may be down alone. */
export class RunsUnlisted extends Error {
  override readonly name = 'RunsUnlisted';
  constructor(readonly why: string) {
    super(`runs cannot be listed: ${why} (fix: look at the visibility store of Temporal; runs go on without it)`);
  }
}

/** The runs of a gate that match, latest first, `max` of them.
 * @throws {RunsUnlisted} */
export const listRunsOf = (client: Client, lane: Lane, query: string, max: number): Promise<WorkflowExecutionInfo[]> =>
  listRuns(client, `${query}${ofGate(lane)}`, max, (workflowId) => isOfGate(lane, workflowId));

/** The runs that match and are wanted, latest first, `max` of them.
 * @throws {RunsUnlisted} if visibility refuses, or does not answer in time. */
export async function listRuns(
  client: Client,
  query: string,
  max: number,
  isWanted: (workflowId: string) => boolean = () => true,
): Promise<WorkflowExecutionInfo[]> {
  const list = async () => {
    const runs: WorkflowExecutionInfo[] = [];
    for await (const run of tolerantOf(client).list({ query, pageSize: max }))
      if (isWanted(run.workflowId) && runs.push(run) >= max) break;
    return runs;
  };
  try {
    return await withinTime(client, LIST_MS, list);
  } catch (error) {
    throw new RunsUnlisted(whyNot(error));
  }
}
