import { readdirSync, readFileSync } from 'node:fs';
import type { Client, WorkflowHandle } from '@temporalio/client';
import { historyToJSON } from '@temporalio/common/lib/proto-utils.js';
import { type Evidence, withDecoded } from './leaks.js';

/** All that Temporal keeps of a run: raw, and out of its base64. */
async function whatIsKept(handle: WorkflowHandle): Promise<string> {
  const [{ raw }, history] = await Promise.all([handle.describe(), handle.fetchHistory()]);
  return withDecoded([JSON.stringify(raw), historyToJSON(history)].join('\n'));
}

/** The activities of a run that are under way, with what their beats told; nothing before it is there. */
export async function whatIsUnderWay(handle: WorkflowHandle): Promise<string> {
  const pending = await handle.describe().then(
    ({ raw }) => raw.pendingActivities,
    () => [],
  );
  return withDecoded(JSON.stringify(pending));
}

/** All runs that a task queue ever had. */
export async function keepRuns(evidence: Evidence, client: Client, taskQueue: string): Promise<void> {
  for await (const { workflowId, runId } of client.workflow.list({ query: `TaskQueue = '${taskQueue}'` }))
    evidence.set(`history of ${workflowId} ${runId}`, await whatIsKept(client.workflow.getHandle(workflowId, runId)));
}

/** Notes the arguments of a process and of its children again and again, until told to stop. Linux alone tells them. */
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

/** Nothing of a process that has just ended. */
function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
