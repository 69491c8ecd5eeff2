import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Client, WorkflowNotFoundError } from '@temporalio/client';
import type { History } from '@temporalio/common/lib/proto-utils.js';
import { historyToJSON } from '@temporalio/common/lib/proto-utils.js';
import { Worker } from '@temporalio/worker';
import { expect } from 'vitest';

/** Runs that a test started, to be replayed when it ends. */
export interface Run {
  workflowId: string;
  runId: string;
}

/** Replays each run and the children it started against the same workflow code. One that is still open fails the test, but for the lane: that one never ends. */
export async function replayAll(
  client: Client,
  workflowBundle: { code: string },
  { runs, laneId }: { runs: Run[]; laneId: string },
): Promise<void> {
  const histories: { workflowId: string; history: History }[] = [];
  const queue = [...runs];
  for (let run = queue.shift(); run !== undefined; run = queue.shift()) {
    const handle = client.workflow.getHandle(run.workflowId, run.runId);
    const { status, type } = await handle.describe();
    expect(status.name, `${run.workflowId} is still open at the end of its test`).not.toBe('RUNNING');
    const history = await handle.fetchHistory();
    for (const event of history.events ?? []) {
      const child = event.childWorkflowExecutionStartedEventAttributes?.workflowExecution;
      if (child?.workflowId && child.runId) queue.push({ workflowId: child.workflowId, runId: child.runId });
    }
    keepHistory(type, run.workflowId, historyToJSON(history));
    histories.push({ workflowId: run.workflowId, history });
  }
  // Of a server that is gone by now nothing can be had, nor is there anything.
  if (runs.length === 0) return;
  const ofLane = client.workflow.getHandle(laneId);
  // Only `describe` tells by a class of its own that there is none.
  const lane = (await ofLane.describe().catch(ifThere)) && (await ofLane.fetchHistory());
  if (lane) {
    keepHistory('ReleaseLane', laneId, historyToJSON(lane));
    histories.push({ workflowId: laneId, history: lane });
  }
  // One worker for all: making one takes longer than a replay.
  for await (const { workflowId, error } of Worker.runReplayHistories({ workflowBundle }, histories))
    if (error) throw new Error(`${workflowId} does not replay`, { cause: error });
}

function ifThere(error: unknown): null {
  if (error instanceof WorkflowNotFoundError) return null;
  throw error;
}

/** A history as it is kept: without its workflow's id it would be replayed in another lane. */
export interface KeptHistory {
  workflowId: string;
  history: unknown;
}

/** `KEEP_HISTORIES=<name> npx vitest run <file> -t <test>` writes what the test recorded to `test/histories/`, to be replayed for ever. */
function keepHistory(type: string, workflowId: string, json: string): void {
  const name = process.env.KEEP_HISTORIES;
  if (!name) return;
  // Stack traces name this machine's folders, and a replay has no use for them.
  const withoutTraces = (key: string, value: unknown) => (key === 'stackTrace' ? '' : value);
  const kept: KeptHistory = { workflowId, history: JSON.parse(json, withoutTraces) };
  writeFileSync(join(import.meta.dirname, '..', 'histories', `${name}.${type}.json`), JSON.stringify(kept));
}
