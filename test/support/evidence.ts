import { readdirSync, readFileSync } from 'node:fs';
import type { Client } from '@temporalio/client';
import type { Payload } from '@temporalio/common';
import { historyToJSON } from '@temporalio/common/lib/proto-utils.js';
import { type Evidence, withDecoded } from './leaks.js';

/** Payloads anywhere in an answer of the server. */
function payloadsIn(value: unknown): Payload[] {
  if (typeof value !== 'object' || value === null || value instanceof Uint8Array) return [];
  const { metadata, data } = value as Payload;
  if (metadata && data instanceof Uint8Array) return [{ metadata, data }];
  return Object.values(value).flatMap(payloadsIn);
}

/** Texts of payloads, decrypted with the keys of the client. */
async function textsIn(client: Client, value: unknown): Promise<string> {
  let payloads = payloadsIn(value);
  for (const codec of client.options.loadedDataConverter.payloadCodecs) payloads = await codec.decode(payloads);
  return withDecoded(payloads.map(({ data }) => Buffer.from(data ?? []).toString()).join('\n'));
}

/** Pending activities of a run, with their heartbeat details decrypted; empty if the run does not exist yet. */
export async function pendingActivities(client: Client, workflowId: string): Promise<string> {
  const pending = await client.workflow
    .getHandle(workflowId)
    .describe()
    .then(
      ({ raw }) => raw.pendingActivities,
      () => [],
    );
  return `${withDecoded(JSON.stringify(pending))}\n${await textsIn(client, pending)}`;
}

/**
 * Adds all runs of a task queue, open and closed, to the evidence: what Temporal stores about them, raw and decoded from base64, the same
 * decrypted with the keys of the client, and the page of each run in the Temporal UI.
 */
export async function keepRuns(evidence: Evidence, client: Client, taskQueue: string): Promise<void> {
  for await (const { workflowId, runId } of client.workflow.list({ query: `TaskQueue = '${taskQueue}'` })) {
    const handle = client.workflow.getHandle(workflowId, runId);
    const [{ raw }, history] = await Promise.all([handle.describe(), handle.fetchHistory()]);
    const { currentDetails } = await handle.query<{ currentDetails: string }>('__temporal_workflow_metadata');
    const run = `${workflowId} ${runId}`;
    evidence.set(`history of ${run}`, withDecoded([JSON.stringify(raw), historyToJSON(history)].join('\n')));
    evidence.set(`decrypted history of ${run}`, await textsIn(client, [raw, history]));
    evidence.set(`page of ${run}`, currentDetails);
  }
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
