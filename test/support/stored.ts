import { historyToJSON } from '@temporalio/common/lib/proto-utils.js';
import type { Gate } from './gate.js';

/** Every history of the lane, as the server stores it: bytes are decoded from base64, so that plain payloads would show. */
export async function storedHistories({ client, lane }: Gate): Promise<string> {
  const texts: string[] = [];
  for await (const { workflowId, runId } of client.workflow.list({ query: `WorkflowId STARTS_WITH '${lane}'` })) {
    const json = historyToJSON(await client.workflow.getHandle(workflowId, runId).fetchHistory());
    texts.push(
      json,
      json.replaceAll(/"([A-Za-z0-9+/]{8,}=*)"/g, (_, text) => Buffer.from(text, 'base64').toString('latin1')),
    );
  }
  return texts.join('\n');
}
