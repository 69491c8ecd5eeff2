import { type Client, WorkflowExecutionAlreadyStartedError, type WorkflowHandle } from '@temporalio/client';
import { defaultPayloadConverter } from '@temporalio/common';
import { InvalidInput } from '../contract/brand.js';
import { type Lane, releaseId, rollbackId, taskQueue } from '../contract/ids.js';
import type { ReleaseInput, RollbackInput } from '../contract/release.js';
import { shortSha } from '../contract/sha.js';

/** A run that was started, or was under way already. */
export type StartedRun = WorkflowHandle & {
  firstExecutionRunId: string;
  /** It ran already, with this very input. */
  attached: boolean;
};

/** Starts the release of a build, or attaches to the one that runs.
 * @throws {InvalidInput} when the one that runs was started with another input. */
export function startRelease(client: Client, lane: Lane, input: ReleaseInput): Promise<StartedRun> {
  const workflowId = releaseId(lane, input.sha);
  return startOrAttach(client, workflowId, input, () =>
    client.workflow.start('CanaryRelease', {
      workflowId,
      taskQueue: taskQueue(lane),
      args: [input],
      staticSummary: `release ${shortSha(input.sha)}`,
    }),
  );
}

/** Starts a rollback, or attaches to the one that runs.
 * @throws {InvalidInput} when the one that runs was started with another input. */
export function startRollback(client: Client, lane: Lane, input: RollbackInput): Promise<StartedRun> {
  const workflowId = rollbackId(lane, input.sha);
  return startOrAttach(client, workflowId, input, () =>
    client.workflow.start('Rollback', {
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
      `${workflowId} runs already, with other input: ${JSON.stringify(running)}; wait for its end, or abort it first`,
    );
  const handle = client.workflow.getHandle(workflowId, undefined, { firstExecutionRunId: runId });
  return Object.assign(handle, { firstExecutionRunId: runId, attached: true });
}

/** What is compared: who asks, and where the change can be read, may differ. */
function comparableInput(input: object): string {
  const entries = Object.entries(input).filter(([key]) => key !== 'requestedBy' && key !== 'commitUrl');
  return JSON.stringify(entries.sort(([a], [b]) => a.localeCompare(b)));
}

/** The first thing a run was started with, as it stands in its history; null when that was nothing. */
export async function startInput(client: Client, workflowId: string, runId: string): Promise<unknown> {
  const { history } = await client.workflowService.getWorkflowExecutionHistory({
    namespace: client.options.namespace,
    execution: { workflowId, runId },
    maximumPageSize: 1,
  });
  const [payload] = history?.events?.[0]?.workflowExecutionStartedEventAttributes?.input?.payloads ?? [];
  return payload ? defaultPayloadConverter.fromPayload(payload) : null;
}
