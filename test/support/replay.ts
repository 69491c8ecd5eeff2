import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Client, isGrpcServiceError, WorkflowNotFoundError } from '@temporalio/client';
import type { History } from '@temporalio/common/lib/proto-utils.js';
import { historyToJSON } from '@temporalio/common/lib/proto-utils.js';
import { Worker } from '@temporalio/worker';
import { expect } from 'vitest';
import { until } from './until.js';

/** Runs that a test started, to be replayed when it ends. */
export interface Run {
  workflowId: string;
  runId: string;
}

export interface FoundRun extends Run {
  type: string;
  status: string;
  history: History;
}

/** Workflow types of the tests: no bundle of ours has them. */
const FOREIGN = ['ForeignParent', 'NoSuchWorkflow', 'ReleaseOfNextYear'];
/** gRPC: the Java test server lists no runs. */
const UNIMPLEMENTED = 12;

/**
 * Replays every run that a lane has had against the same workflow code: those the test kept, what the server lists on the lane's
 * queue (started by the command line, by activities, by schedules), their children, and both ends of each continue-as-new. A
 * run that the test kept and that is still open fails the test. Gives what was replayed.
 */
export async function replayAll(
  client: Client,
  workflowBundle: { code: string },
  { kept, taskQueue }: { kept: Run[]; taskQueue: string },
): Promise<FoundRun[]> {
  const runs = await everyRun(client, kept, taskQueue);
  for (const { workflowId, runId, status } of runs)
    if (kept.some((one) => one.runId === runId))
      expect(status, `${workflowId} is still open at the end of its test`).not.toBe('RUNNING');
  const ours = runs.filter(({ type }) => !FOREIGN.includes(type));
  for (const run of ours) keepHistory(run);
  if (ours.length === 0) return [];
  // One worker for all: making one takes longer than a replay.
  for await (const { workflowId, runId, error } of Worker.runReplayHistories({ workflowBundle }, ours))
    if (error) throw new Error(`${workflowId} ${runId} does not replay`, { cause: error });
  return ours;
}

/** What the server lists first, the oldest of it first, and then what the test kept and what is next to that. */
async function everyRun(client: Client, kept: Run[], taskQueue: string): Promise<FoundRun[]> {
  const found = new Map<string, FoundRun>();
  const walk = async (runs: Run[]) => {
    const queue = [...runs];
    const fresh: FoundRun[] = [];
    for (let run = queue.shift(); run !== undefined; run = queue.shift()) {
      const next = found.has(run.runId) ? null : await fetchRun(client, run);
      if (!next) continue;
      found.set(run.runId, next);
      fresh.push(next);
      queue.push(...neighbours(next));
    }
    return fresh;
  };
  const near = await walk(kept);
  const others = await walk(await listed(client, kept, taskQueue));
  return [...others.reverse(), ...near];
}

/** Null of one that a test deleted: it is listed for a while. */
async function fetchRun(client: Client, { workflowId, runId }: Run): Promise<FoundRun | null> {
  const handle = client.workflow.getHandle(workflowId, runId);
  // Only `describe` tells by a class of its own that there is none.
  const description = await handle.describe().catch(nullIfGone);
  if (!description) return null;
  const history = await handle.fetchHistory();
  return { workflowId, runId, type: description.type, status: description.status.name, history };
}

/** The children that a run started, the run that it continues, and the one that continues it. */
function neighbours({ workflowId, history }: FoundRun): Run[] {
  return (history.events ?? []).flatMap((event) => {
    const child = event.childWorkflowExecutionStartedEventAttributes?.workflowExecution;
    if (child?.workflowId && child.runId) return [{ workflowId: child.workflowId, runId: child.runId }];
    const runId =
      event.workflowExecutionStartedEventAttributes?.continuedExecutionRunId ||
      event.workflowExecutionContinuedAsNewEventAttributes?.newExecutionRunId;
    return runId ? [{ workflowId, runId }] : [];
  });
}

/** What the server lists on a queue. Visibility lags: what was kept is in the list first, and what came last as well, by then. */
async function listed(client: Client, kept: Run[], taskQueue: string): Promise<Run[]> {
  try {
    return await until('the runs are listed', async () => {
      const runs: Run[] = [];
      for await (const { workflowId, runId } of client.workflow.list({ query: `TaskQueue = '${taskQueue}'` }))
        runs.push({ workflowId, runId });
      return kept.every((one) => runs.some(({ runId }) => runId === one.runId)) ? runs : null;
    });
  } catch (error) {
    const { cause } = error as Error;
    if (isGrpcServiceError(cause) && cause.code === UNIMPLEMENTED) return [];
    throw error;
  }
}

function nullIfGone(error: unknown): null {
  if (error instanceof WorkflowNotFoundError) return null;
  throw error;
}

/** A history as it is kept: without its workflow's id it would be replayed in another lane. */
export interface KeptHistory {
  workflowId: string;
  history: unknown;
}

/** `KEEP_HISTORIES=<name> npx vitest run <file> -t <test>` writes what the test recorded to `test/histories/`, to be replayed for ever. */
function keepHistory({ type, workflowId, history }: FoundRun): void {
  const name = process.env.KEEP_HISTORIES;
  if (!name) return;
  // Stack traces name this machine's folders, and a replay has no use for them.
  const withoutTraces = (key: string, value: unknown) => (key === 'stackTrace' ? '' : value);
  const kept: KeptHistory = { workflowId, history: JSON.parse(historyToJSON(history), withoutTraces) };
  writeFileSync(join(import.meta.dirname, '..', 'histories', `${name}.${type}.json`), JSON.stringify(kept));
}
