import type { ConnectionOptions } from '@temporalio/client';

export type Interceptor = NonNullable<ConnectionOptions['interceptors']>[number];

/** Longest time of an attempt of a call that has no deadline of its own, in milliseconds: a part of the server may be silent alone. */
const CALL_MS = 5_000;
/** The same of a call for which the server waits until something happens, at most 20 s. */
const LONG_POLL_MS = 30_000;
const LONG_POLLS = ['GetWorkflowExecutionHistory', 'UpdateWorkflowExecution', 'PollWorkflowExecutionUpdate'];

/** Bounds each attempt of a call: without a deadline, a person would wait for a silent server without an end. */
export const boundedCalls: Interceptor = (options, nextCall) => {
  const name = options.method_definition.path.split('/').at(-1) ?? '';
  const ms = LONG_POLLS.includes(name) ? LONG_POLL_MS : CALL_MS;
  return nextCall({ ...options, deadline: options.deadline ?? Date.now() + ms }) as ReturnType<Interceptor>;
};
