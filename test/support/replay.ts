import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Client, isGrpcServiceError, WorkflowNotFoundError } from '@temporalio/client';
import type { PayloadCodec } from '@temporalio/common';
import type { History } from '@temporalio/common/lib/proto-utils.js';
import { historyToJSON } from '@temporalio/common/lib/proto-utils.js';
import { type ReplayHistoriesIterable, type ReplayResult, Worker } from '@temporalio/worker';
import { globalHandlers } from '@temporalio/worker/lib/workflow/vm-shared.js';
import { expect } from 'vitest';
import { until } from './until.js';

/** A run that a test started, to be replayed at its end. */
export interface Run {
  workflowId: string;
  runId: string;
}

export interface FoundRun extends Run {
  type: string;
  status: string;
  history: History;
}

/** Workflow types of the tests, which are not in the bundle of the gate. */
const FOREIGN = ['ForeignParent', 'NoSuchWorkflow', 'Payroll', 'ReleaseOfNextYear', 'SeedRun'];
/** gRPC status of the Java test server, which cannot list runs. */
const UNIMPLEMENTED = 12;

/**
 * Replays every run of a lane with the same workflow code: the registered ones, those that the server lists on the queue of the
 * lane (started by the command line, by activities, by schedules), their children, and both ends of each continue-as-new. A
 * registered run that is still open fails the test. Returns what was replayed.
 */
export async function replayAll(
  client: Client,
  workflowBundle: { code: string },
  { kept, taskQueue, payloadCodecs }: { kept: Run[]; taskQueue: string; payloadCodecs?: PayloadCodec[] },
): Promise<FoundRun[]> {
  const runs = await everyRun(client, kept, taskQueue);
  for (const { workflowId, runId, status } of runs)
    if (kept.some((one) => one.runId === runId))
      expect(status, `${workflowId} is still open at the end of its test`).not.toBe('RUNNING');
  const ours = runs.filter((run) => !FOREIGN.includes(run.type) && !isSeed(run));
  for (const run of ours) keepHistory(run);
  if (ours.length === 0) return [];
  // One worker for all: its creation takes longer than a replay.
  for await (const { workflowId, runId, error } of replays(workflowBundle, ours, payloadCodecs)) {
    if (!error) continue;
    const file = keepFailed(ours.find((run) => run.runId === runId));
    throw new Error(`${workflowId} ${runId} does not replay: its history is ${file}`, { cause: error });
  }
  return ours;
}

/** Keeps the history of a run that does not replay: its server ends with the test. */
function keepFailed(run: FoundRun | undefined): string {
  const file = join(mkdtempSync(join(tmpdir(), 'canary-replay-')), 'history.json');
  if (run) writeFileSync(file, historyToJSON(run.history));
  return file;
}

/** Whether a run is a seed of the lane (`seeds.ts`): a lane looks for its record before anything else. */
const isSeed = ({ type, history: { events } }: FoundRun) =>
  type === 'ReleaseLane' && !events?.some(({ activityTaskScheduledEventAttributes: scheduled }) => scheduled);

let replaying = 0;

/** Replays histories. The SDK does so in this thread, and leaves a hook of each stack of an error: it is removed. */
export async function* replays(
  workflowBundle: { code: string },
  histories: ReplayHistoriesIterable,
  payloadCodecs: PayloadCodec[] = [],
): AsyncIterable<ReplayResult> {
  replaying += 1;
  try {
    yield* Worker.runReplayHistories({ workflowBundle, dataConverter: { payloadCodecs } }, histories);
  } finally {
    if (--replaying === 0) globalHandlers.uninstall();
  }
}

/** Runs in order: those that the server lists, oldest first, then the registered ones and their neighbors. */
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
      queue.push(...neighbors(next));
    }
    return fresh;
  };
  const near = await walk(kept);
  const others = await walk(await listed(client, kept, taskQueue));
  return [...others.reverse(), ...near];
}

/** History of a run; null if a test deleted it, because it stays listed for a while. */
async function fetchRun(client: Client, { workflowId, runId }: Run): Promise<FoundRun | null> {
  const handle = client.workflow.getHandle(workflowId, runId);
  // Only `describe` throws a distinct class for a missing run.
  const description = await handle.describe().catch(nullIfGone);
  if (!description) return null;
  const history = await handle.fetchHistory();
  return { workflowId, runId, type: description.type, status: description.status.name, history };
}

/** Neighbors of a run: its children, the run that it continues, and the one that continues it. */
function neighbors({ workflowId, history }: FoundRun): Run[] {
  return (history.events ?? []).flatMap((event) => {
    const child = event.childWorkflowExecutionStartedEventAttributes?.workflowExecution;
    if (child?.workflowId && child.runId) return [{ workflowId: child.workflowId, runId: child.runId }];
    const runId =
      event.workflowExecutionStartedEventAttributes?.continuedExecutionRunId ||
      event.workflowExecutionContinuedAsNewEventAttributes?.newExecutionRunId;
    return runId ? [{ workflowId, runId }] : [];
  });
}

/** Runs that the server lists on a queue. Visibility lags: waits until it lists the registered runs, and so the last ones too. */
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

/** Stored form of a history. It has the workflow id: without it, the replay would use another lane. */
export interface KeptHistory {
  workflowId: string;
  history: unknown;
}

/** Writes the histories of a test to `test/histories/`, for all future replays: `npm run histories -- <name>`. */
function keepHistory({ type, workflowId, history }: FoundRun): void {
  const name = process.env.KEEP_HISTORIES;
  if (!name) return;
  // Stack traces contain local paths, and a replay does not need them.
  const withoutTraces = (key: string, value: unknown) => (key === 'stackTrace' ? '' : value);
  const kept: KeptHistory = { workflowId, history: JSON.parse(historyToJSON(history), withoutTraces) };
  writeFileSync(join(import.meta.dirname, '..', 'histories', `${name}.${type}.json`), JSON.stringify(kept));
}
