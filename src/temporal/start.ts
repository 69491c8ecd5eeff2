import {
  type Client,
  WorkflowExecutionAlreadyStartedError,
  type WorkflowHandle,
  WorkflowNotFoundError,
  WorkflowUpdateFailedError,
} from '@temporalio/client';
import { InvalidInput } from '../contract/brand.js';
import { type Lane, releaseId, rollbackId, taskQueue, WORKFLOWS } from '../contract/ids.js';
import { forceUpdate } from '../contract/messages.js';
import type { ReleaseInput, RollbackInput } from '../contract/release.js';
import { CanaryPhase } from '../contract/search-attributes.js';
import { sameBuild, shortSha } from '../contract/sha.js';
import { takeToken } from '../domain/inputs.js';
import { fieldsOf } from '../domain/payloads/fields.js';
import { readPayload } from './payloads/read.js';
import { isTimeout, retryLostUpdate } from './runs.js';

/** A run that was started, or was running already. */
export type StartedRun = WorkflowHandle & {
  firstExecutionRunId: string;
  /** It was running already, with the same input. */
  attached: boolean;
};

/** Adds the token that proves who sends it; the run keeps only what it proves. */
export const withToken = <T extends object>(sent: T, token: string | null): T =>
  token === null ? sent : { ...sent, token };

/** Starts the release of a build, or attaches to the running one.
 * @throws {InvalidInput} if the running one was started with other input. */
export function startRelease(
  client: Client,
  lane: Lane,
  input: ReleaseInput,
  token: string | null = null,
): Promise<StartedRun> {
  const workflowId = releaseId(lane, input.sha);
  return startOrAttach(client, workflowId, input, () =>
    client.workflow.start(WORKFLOWS.release, {
      workflowId,
      taskQueue: taskQueue(lane),
      args: [withToken(input, token)],
      staticSummary: `release ${shortSha(input.sha)}`,
    }),
  );
}

/** A rollback that was started, or was running already. */
export type StartedRollback = StartedRun & {
  /** What the running one answered to `force`. */
  forced?: string;
};

/** Starts a rollback, or attaches to the running one: it goes to the same build, also for another requester, and takes `force` until it moves.
 * @throws {InvalidInput} if the running one goes to another build with the same first digits; an error if no worker answers for it. */
export async function startRollback(
  client: Client,
  lane: Lane,
  input: RollbackInput,
  token: string | null = null,
): Promise<StartedRollback> {
  const workflowId = rollbackId(lane, input.sha);
  for (;;) {
    const started = await startUnlessRunning(() =>
      client.workflow.start(WORKFLOWS.rollback, {
        workflowId,
        taskQueue: taskQueue(lane),
        args: [withToken(input, token)],
        workflowTaskTimeout: '2s',
        staticSummary: `roll back to ${shortSha(input.sha)}: ${input.reason}`,
      }),
    );
    if (started) return started;
    const attached = await attach(client, workflowId);
    const { sha, force } = fieldsOf(attached.input);
    if (!sameBuild(String(sha), input.sha)) throw new InvalidInput(`${workflowId} is already running, to ${sha}`);
    if (!input.force || force) return attached.run;
    const answer = await forceRollback(client, attached.run, input, token);
    // It has ended meanwhile: another one starts.
    if (answer !== null) return Object.assign(attached.run, { forced: answer });
  }
}

/** Sends `force` to a running rollback; null if it has ended. */
async function forceRollback(
  client: Client,
  run: StartedRun,
  input: RollbackInput,
  token: string | null,
): Promise<string | null> {
  const decision = withToken({ by: input.requestedBy ?? 'unknown', reason: input.reason }, token);
  const send = () => run.executeUpdate(forceUpdate, { args: [decision] });
  try {
    return await client.withDeadline(Date.now() + FORCE_MS, () => retryLostUpdate(send));
  } catch (error) {
    if (error instanceof WorkflowNotFoundError) return null;
    if (error instanceof WorkflowUpdateFailedError) return error.cause?.message ?? error.message;
    if (!isTimeout(error)) throw error;
    throw new Error(
      `${run.workflowId} is running without force, and no worker answers for it: canary worker, then repeat this (canary doctor, if one polls)`,
    );
  }
}

/** Longest wait for a running rollback to take `force`, in milliseconds. */
const FORCE_MS = 5_000;

type Input = ReleaseInput | RollbackInput;

type Start = () => Promise<WorkflowHandle & { firstExecutionRunId: string }>;

/** Starts a run; null if one with its id is running. */
async function startUnlessRunning(start: Start): Promise<StartedRun | null> {
  try {
    return Object.assign(await start(), { attached: false });
  } catch (error) {
    if (!(error instanceof WorkflowExecutionAlreadyStartedError)) throw error;
    return null;
  }
}

async function startOrAttach(client: Client, workflowId: string, input: Input, start: Start): Promise<StartedRun> {
  const started = await startUnlessRunning(start);
  if (started) return started;
  const attached = await attach(client, workflowId);
  const running = fieldsOf(attached.input);
  if (comparableInput(running) !== comparableInput(input))
    throw new InvalidInput(
      `${workflowId} is already running with other input: ${JSON.stringify(running)}; wait for its end: canary status ${input.sha} --watch${attached.isMoving ? '' : `; or end it: canary abort ${input.sha} --reason …`}`,
    );
  return attached.run;
}

/** A run that was running already: what it was started with, and whether it moves `:latest`, and takes no abort. */
interface Attached {
  run: StartedRun;
  input: unknown;
  isMoving: boolean;
}

/** Attaches to the run with this id that started last. */
async function attach(client: Client, workflowId: string): Promise<Attached> {
  const { runId, typedSearchAttributes } = await client.workflow.getHandle(workflowId).describe();
  const handle = client.workflow.getHandle(workflowId, undefined, { firstExecutionRunId: runId });
  const run = Object.assign(handle, { firstExecutionRunId: runId, attached: true });
  const isMoving = typedSearchAttributes.get(CanaryPhase) === 'promoting';
  return { run, input: await startInput(client, workflowId, runId), isMoving };
}

/** The input that must agree: who requests it, and the commit URL, may differ. */
function comparableInput(input: object): string {
  const entries = Object.entries(input).filter(([key]) => key !== 'requestedBy' && key !== 'commitUrl');
  return JSON.stringify(entries.sort(([a], [b]) => a.localeCompare(b)));
}

/** The first argument a run was started with, from its history; null if it had none. */
export async function startInput(client: Client, workflowId: string, runId: string): Promise<unknown> {
  const [payload] = (await startedEvent(client, workflowId, runId))?.input?.payloads ?? [];
  // The token of a caller is for the run alone.
  return takeToken(await readPayload(client, payload)).rest;
}

/**
 * How a run began: the run that it continues, if there is one, and the run that wrote its first event, which a reset copies. Its input is
 * not read: anyone may have started it with one that cannot be.
 */
export async function startOf(
  client: Client,
  workflowId: string,
  runId: string,
): Promise<{ continuedFrom: string | null; writtenBy: string | null }> {
  const started = await startedEvent(client, workflowId, runId);
  return {
    continuedFrom: started?.continuedExecutionRunId || null,
    writtenBy: started?.originalExecutionRunId || null,
  };
}

async function startedEvent(client: Client, workflowId: string, runId: string) {
  const { history } = await client.workflowService.getWorkflowExecutionHistory({
    namespace: client.options.namespace,
    execution: { workflowId, runId },
    maximumPageSize: 1,
  });
  return history?.events?.[0]?.workflowExecutionStartedEventAttributes;
}
