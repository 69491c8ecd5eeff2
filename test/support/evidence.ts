import { readdirSync, readFileSync } from 'node:fs';
import type { Client, WorkflowHandle } from '@temporalio/client';
import { historyToJSON } from '@temporalio/common/lib/proto-utils.js';
import { type Evidence, withDecoded } from './leaks.js';

/** Everything that Temporal stores about a run: raw, and decoded from base64. */
async function storedText(handle: WorkflowHandle): Promise<string> {
  const [{ raw }, history] = await Promise.all([handle.describe(), handle.fetchHistory()]);
  return withDecoded([JSON.stringify(raw), historyToJSON(history)].join('\n'));
}

/** Pending activities of a run, with their heartbeat details; empty if the run does not exist yet. */
export async function pendingActivities(handle: WorkflowHandle): Promise<string> {
  const pending = await handle.describe().then(
    ({ raw }) => raw.pendingActivities,
    () => [],
  );
  return withDecoded(JSON.stringify(pending));
}

/** Adds all runs of a task queue, open and closed, to the evidence. */
export async function keepRuns(evidence: Evidence, client: Client, taskQueue: string): Promise<void> {
  for await (const { workflowId, runId } of client.workflow.list({ query: `TaskQueue = '${taskQueue}'` }))
    evidence.set(`history of ${workflowId} ${runId}`, await storedText(client.workflow.getHandle(workflowId, runId)));
}

/** Records the arguments of a process and of its children repeatedly, until it is stopped. Works on Linux only. */
export function watchArguments(evidence: Evidence, pid: number): () => void {
  const note = () => {
    for (const one of [pid, ...childrenOf(pid)]) {
      const args = read(`/proc/${one}/cmdline`).replaceAll('\0', ' ');
      if (args) evidence.set(`arguments of ${one}`, withDecoded(args));
    }
  };
  const timer = setInterval(note, 10);
  note();
  return () => clearInterval(timer);
}

function childrenOf(pid: number): string[] {
  try {
    return readdirSync(`/proc/${pid}/task`).flatMap((thread) =>
      read(`/proc/${pid}/task/${thread}/children`).split(' ').filter(Boolean),
    );
  } catch {
    return [];
  }
}

/** Content of a file; empty for a process that has just ended. */
function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
