import { randomUUID } from 'node:crypto';
import { appendFileSync, existsSync, statSync } from 'node:fs';
import type { Client } from '@temporalio/client';
import { annotations } from '../../report/annotations.js';
import { MAX_MARKDOWN_BYTES, renderReport } from '../../report/render.js';
import type { RunRecord } from '../../report/summary.js';
import { readRun } from '../../temporal/records/run.js';
import type { Io } from '../command.js';
import { reportLinks } from '../identity.js';

/** GitHub drops the summary of a step above 1 MiB as a whole; bytes, of all that the step wrote. */
const MAX_SUMMARY_BYTES = 1_000_000;

/**
 * In GitHub Actions: writes the report to the step summary, `sha`, `ran` and `outcome` to the step's outputs, and annotations to
 * stderr: the runner reads both streams, and stdout is data that may be piped. A fault is printed, and changes no exit code.
 */
export async function publishActionsReport(client: Client, workflowId: string, runId: string, io: Io): Promise<void> {
  if (io.env.GITHUB_ACTIONS !== 'true') return;
  try {
    const record = await readRun(client, workflowId, runId);
    if (record === null) return;
    for (const line of annotations(record)) io.command(line);
    const { GITHUB_STEP_SUMMARY: summary, GITHUB_OUTPUT: outputs } = io.env;
    if (summary) append(summary, renderReport(record, reportLinks(io), { max: remainingBytes(summary) }), io);
    if (outputs) append(outputs, outputsOf(record), io);
  } catch (error) {
    io.err(`canary: no report for GitHub: ${(error as Error).message}`);
  }
}

const remainingBytes = (file: string) =>
  Math.min(MAX_MARKDOWN_BYTES, MAX_SUMMARY_BYTES - (existsSync(file) ? statSync(file).size : 0));

/** `ran`: whether canary tested the build; the name of the output in the job that the gate replaced. */
function outputsOf({ sha, outcome, report, status }: RunRecord): string {
  const { tenants = [] } = (report ?? status ?? {}) as { tenants?: unknown[] };
  return Object.entries({ sha, ran: String(tenants.length > 0), outcome })
    .map(([name, value]) => {
      // Random, so that no value can close its block and add an output.
      const end = `end_${randomUUID()}`;
      return `${name}<<${end}\n${value}\n${end}\n`;
    })
    .join('');
}

function append(file: string, text: string, io: Io): void {
  try {
    appendFileSync(file, text);
  } catch (error) {
    io.err(`canary: ${(error as Error).message}`);
  }
}
