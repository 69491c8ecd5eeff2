import { setTimeout as delay } from 'node:timers/promises';
import { type Client, isGrpcDeadlineError, type WorkflowExecutionInfo } from '@temporalio/client';
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

/** The runs that match, latest first, `max` of them.
 * @throws {RunsUnlisted} if visibility refuses, or does not answer in time. */
export async function listRuns(client: Client, query: string, max: number): Promise<WorkflowExecutionInfo[]> {
  const list = async () => {
    const runs: WorkflowExecutionInfo[] = [];
    for await (const run of tolerantOf(client).list({ query, pageSize: max })) if (runs.push(run) >= max) break;
    return runs;
  };
  const given = new AbortController();
  // Between two attempts, the SDK does not heed the deadline.
  const late = delay(LIST_MS, null, { signal: given.signal }).catch(() => null);
  try {
    const runs = await Promise.race([client.withDeadline(Date.now() + LIST_MS, list), late]);
    if (runs !== null) return runs;
  } catch (error) {
    const { cause } = Object(error) as { cause?: { details?: string } };
    if (!isGrpcDeadlineError(cause)) {
      throw new RunsUnlisted(cause?.details || String((error as Error).message));
    }
  } finally {
    given.abort();
  }
  throw new RunsUnlisted(`no answer within ${LIST_MS / 1_000} s`);
}
