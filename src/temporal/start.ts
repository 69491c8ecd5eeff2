import { type Client, WorkflowExecutionAlreadyStartedError, type WorkflowHandle } from '@temporalio/client';
import { defaultPayloadConverter } from '@temporalio/common';
import { InvalidInput } from '../contract/brand.js';
import { type Lane, releaseId, rollbackId, taskQueue, WORKFLOWS } from '../contract/ids.js';
import type { ReleaseInput, RollbackInput } from '../contract/release.js';
import { shortSha } from '../contract/sha.js';

/** A run that was started, or was running already. */
export type StartedRun = WorkflowHandle & {
  firstExecutionRunId: string;
  /** It was running already, with the same input. */
  attached: boolean;
};

/** Starts the release of a build, or attaches to the running one.
 * @throws {InvalidInput} if the running one was started with other input. */
export function startRelease(client: Client, lane: Lane, input: ReleaseInput): Promise<StartedRun> {
  const workflowId = releaseId(lane, input.sha);
  return startOrAttach(client, workflowId, input, () =>
    client.workflow.start(WORKFLOWS.release, {
      workflowId,
      taskQueue: taskQueue(lane),
      args: [input],
      staticSummary: `release ${shortSha(input.sha)}`,
    }),
  );
}

/** Starts a rollback, or attaches to the running one.
 * @throws {InvalidInput} if the running one was started with other input. */
export function startRollback(client: Client, lane: Lane, input: RollbackInput): Promise<StartedRun> {
  const workflowId = rollbackId(lane, input.sha);
  return startOrAttach(client, workflowId, input, () =>
    client.workflow.start(WORKFLOWS.rollback, {
      workflowId,
      taskQueue: taskQueue(lane),
      args: [input],
      workflowTaskTimeout: '2s',
      staticSummary: `roll back to ${shortSha(input.sha)}: ${input.reason}`,
    }),
  );
}

type Input = ReleaseInput | RollbackInput;

async function startOrAttach(
  client: Client,
  workflowId: string,
  input: Input,
  start: () => Promise<WorkflowHandle & { firstExecutionRunId: string }>,
): Promise<StartedRun> {
  try {
    return Object.assign(await start(), { attached: false });
  } catch (error) {
    if (!(error instanceof WorkflowExecutionAlreadyStartedError)) throw error;
  }
  const { runId } = await client.workflow.getHandle(workflowId).describe();
  const running = Object(await startInput(client, workflowId, runId));
  if (comparableInput(running) !== comparableInput(input))
    throw new InvalidInput(
      `${workflowId} is already running with other input: ${JSON.stringify(running)}; wait until it ends, or abort it first`,
    );
  const handle = client.workflow.getHandle(workflowId, undefined, { firstExecutionRunId: runId });
  return Object.assign(handle, { firstExecutionRunId: runId, attached: true });
}

/** The input that must agree: who requests it, and the commit URL, may differ. */
function comparableInput(input: object): string {
  const entries = Object.entries(input).filter(([key]) => key !== 'requestedBy' && key !== 'commitUrl');
  return JSON.stringify(entries.sort(([a], [b]) => a.localeCompare(b)));
}

/** The first argument a run was started with, from its history; null if it had none. */
export async function startInput(client: Client, workflowId: string, runId: string): Promise<unknown> {
  const { history } = await client.workflowService.getWorkflowExecutionHistory({
    namespace: client.options.namespace,
    execution: { workflowId, runId },
    maximumPageSize: 1,
  });
  const [payload] = history?.events?.[0]?.workflowExecutionStartedEventAttributes?.input?.payloads ?? [];
  return payload ? defaultPayloadConverter.fromPayload(payload) : null;
}
