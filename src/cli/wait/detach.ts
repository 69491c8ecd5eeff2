import type { Client, WorkflowHandleWithFirstExecutionRunId } from '@temporalio/client';
import { DeadlineReached, withDeadline } from '../../net/deadline.js';
import { isTimeout, sendDecision } from '../../temporal/runs.js';
import { type Given, type Io, textOption } from '../command.js';
import { EXIT } from '../exit-codes.js';
import { identity } from '../identity.js';
import { Interrupted, interruptCode } from '../interrupt.js';
import { publishActionsReport } from '../print/github-actions.js';
import { DEFAULT_TIMEOUT } from './timeout.js';

/** How long a command that is asked to end may take, in milliseconds. GitHub's runner kills a step 10 s after Ctrl-C. */
const DETACH_MS = 4_000;

export const ABORT_ON_INTERRUPT = {
  flags: '--abort-on-interrupt',
  description:
    'with --wait: Ctrl-C, SIGTERM and SIGHUP abort the release, unless it moves already (default: it continues)',
};

/** Says that the run continues, writes its report, and resolves to the exit code: after `--timeout`, or a signal. */
export async function detach(
  client: Client,
  { workflowId, firstExecutionRunId }: WorkflowHandleWithFirstExecutionRunId,
  given: Given,
  io: Io,
  why: DeadlineReached | null,
): Promise<number> {
  const text = why ? `not decided after ${textOption(given, 'timeout') ?? DEFAULT_TIMEOUT}` : 'detached';
  const isAborted = why === null && given.options.abortOnInterrupt === true;
  const aborted = isAborted ? await abort(client, workflowId, given, io) : null;
  io.err(`canary: ${text}; ${workflowId} ${aborted ?? 'continues'}`);
  await inTime(client, () => publishActionsReport(client, workflowId, firstExecutionRunId, io)).catch((error: Error) =>
    io.err(`canary: no report for GitHub: ${error.message}`),
  );
  return why ? EXIT.undecided : interruptCode(io.signal);
}

async function abort(client: Client, workflowId: string, given: Given, io: Io): Promise<string> {
  const by = io.signal.reason instanceof Interrupted ? io.signal.reason.by : 'interrupt';
  const decision = { by: identity(given, io), reason: `${by} of the command that waited for it` };
  try {
    const { taken, answer } = await inTime(client, () => sendDecision(client, workflowId, 'abort', decision));
    return taken ? `is aborted: ${answer}` : `continues: ${answer}`;
  } catch (error) {
    const cause =
      isTimeout(error) || error instanceof DeadlineReached ? 'no worker answered' : (error as Error).message;
    return `could not be aborted, and continues: ${cause}`;
  }
}

/** The SDK alone would go on trying for longer. */
const inTime = <T>(client: Client, call: () => Promise<T>): Promise<T> =>
  withDeadline(DETACH_MS, undefined, (signal) =>
    Promise.race([
      client.connection.withAbortSignal(signal, call),
      new Promise<never>((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason))),
    ]),
  );
