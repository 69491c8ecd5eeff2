import { type WorkflowInterceptorsFactory, workflowInfo } from '@temporalio/workflow';
import { isUndecodable } from './payload-converter.js';

/**
 * What our own activities and runs hand on must be readable: a worker that lacks their key fails the workflow task, which is retried
 * until a worker has it. What anybody may send or start is dropped or refused instead (`handlers.ts`).
 */
export const interceptors: WorkflowInterceptorsFactory = () => ({
  inbound: [
    {
      execute: (input, next) => {
        const { continuedFromExecutionRunId, parent } = workflowInfo();
        if (continuedFromExecutionRunId !== undefined || parent !== undefined) input.args.forEach(requireReadable);
        return next(input);
      },
    },
  ],
  outbound: [{ scheduleActivity: (input, next) => next(input).then(requireReadable) }],
});

/** @throws an error that fails the workflow task, and not the run. */
function requireReadable<T>(value: T): T {
  if (isUndecodable(value)) throw new Error(`this worker cannot read a payload of the run: ${value.undecodable}`);
  return value;
}
