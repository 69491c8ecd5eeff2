import type { LogEntry } from '@temporalio/worker';

const RUN = /(?:^|-)(?:canary-release|rollback|watch-production)-([0-9a-f]{7})$/;

/** One JSON object a line, on stderr; with the sha and the run where a line is about one. The task token would let its reader complete the activity. */
export function logLine({ level, message, timestampNanos, meta }: LogEntry): void {
  const { taskToken: _, ...fields } = (meta ?? {}) as Record<string, unknown>;
  const at = new Date(Number(timestampNanos / 1_000_000n)).toISOString();
  const sha = fields.sha ?? RUN.exec(String(fields.workflowId ?? ''))?.[1];
  process.stderr.write(
    `${JSON.stringify({ at, level, message, ...(sha !== undefined && { sha }), ...fields }, jsonValue)}\n`,
  );
}

/** A line of our own. */
export function logEvent(level: 'INFO' | 'WARN' | 'ERROR', message: string, meta: Record<string, unknown>): void {
  logLine({ level, message, timestampNanos: BigInt(Date.now()) * 1_000_000n, meta });
}

function jsonValue(_key: string, value: unknown): unknown {
  if (value instanceof Error) return { name: value.name, message: value.message };
  return typeof value === 'bigint' ? value.toString() : value;
}
