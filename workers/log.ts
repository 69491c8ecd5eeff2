import type { LogEntry } from '@temporalio/worker';
import { printable } from '../src/domain/printable.js';

const RUN = /(?:^|-)(?:canary-release|rollback|watch-production)-([0-9a-f]{7})$/;

/** Lines that could not be written since the last one that was: the disk is full, or the reader has ended. */
let lost = 0;

/** Prints one JSON object a line, on stderr, and how many lines were lost before it. */
export function logLine(entry: LogEntry): void {
  process.stderr.write(`${lineOf(entry)}\n`, (error) => {
    if (error) lost += 1;
    else if (lost > 0) {
      const lines = lost;
      lost = 0;
      logEvent('WARN', 'log.lost', { lines });
    }
  });
}

/**
 * One line of the log: with the sha and the run where it is about one, without the task token, which would let its reader complete the
 * activity. No field replaces the level or the message, and none breaks the line.
 */
export function lineOf({ level, message, timestampNanos, meta }: LogEntry): string {
  const at = new Date(Number(timestampNanos / 1_000_000n)).toISOString();
  const own = { level, message };
  const { taskToken: _, ...fields } = (meta ?? {}) as Record<string, unknown>;
  const sha = fields.sha ?? RUN.exec(String(fields.workflowId ?? ''))?.[1];
  try {
    return printable(JSON.stringify({ at, ...own, ...(sha !== undefined && { sha }), ...fields, ...own }, jsonValue));
  } catch (error) {
    // A circle, or a value that throws: the line matters more than its fields.
    return printable(JSON.stringify({ at, ...own, unprintable: String(error) }));
  }
}

/** A line of our own. */
export function logEvent(level: 'INFO' | 'WARN' | 'ERROR', message: string, meta: Record<string, unknown>): void {
  logLine({ level, message, timestampNanos: BigInt(Date.now()) * 1_000_000n, meta });
}

function jsonValue(_key: string, value: unknown): unknown {
  if (value instanceof Error) return { name: value.name, message: value.message };
  return typeof value === 'bigint' ? value.toString() : value;
}
