import type { Client } from '@temporalio/client';
import { msToTs, tsToMs } from '@temporalio/common/lib/time.js';
import { InvalidInput } from '../domain/brand.js';
import { formatDuration, parseDuration } from '../domain/duration.js';

/** Temporal's own least; less would lose a release before the next working day. */
const LEAST_MS = 24 * 3_600_000;

/** How long a namespace is to keep ended runs, in milliseconds.
 * @throws {InvalidInput} */
export function parseRetention(text: string): number {
  const ms = parseDuration(text);
  if (ms >= LEAST_MS) return ms;
  throw new InvalidInput(
    `--retention ${text} is less than ${formatDuration(LEAST_MS)}: ended runs are what rollback and status read`,
  );
}

/** Changes how long the namespace keeps ended runs, and gives back how long it did, both in milliseconds. */
export async function changeRetention({ options, workflowService }: Client, ms: number): Promise<number> {
  const { namespace } = options;
  const { config } = await workflowService.describeNamespace({ namespace });
  const before = tsToMs(config?.workflowExecutionRetentionTtl);
  if (before !== ms)
    await workflowService.updateNamespace({ namespace, config: { workflowExecutionRetentionTtl: msToTs(ms) } });
  return before;
}
