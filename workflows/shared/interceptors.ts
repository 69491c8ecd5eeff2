import { defaultPayloadConverter, type Headers } from '@temporalio/common';
import { type WorkflowInterceptorsFactory, workflowInfo } from '@temporalio/workflow';
import { carrierOf, TRACE_HEADER } from '../../src/domain/payloads/trace.js';
import { isUndecodable } from './payload-converter.js';

/**
 * What our own activities and runs hand on must be readable: a worker that lacks their key fails the workflow task, which is retried
 * until a worker has it. What anybody may send or start is dropped or refused instead (`handlers.ts`).
 */
export const interceptors: WorkflowInterceptorsFactory = () => {
  let trace = {};
  const traced = <T extends { headers: Headers }>(input: T): T => ({
    ...input,
    headers: { ...input.headers, ...trace },
  });
  return {
    inbound: [
      {
        execute: (input, next) => {
          trace = traceHeaders(input.headers);
          const { continuedFromExecutionRunId, parent } = workflowInfo();
          if (continuedFromExecutionRunId !== undefined || parent !== undefined) input.args.forEach(requireReadable);
          return next(input);
        },
      },
    ],
    outbound: [
      {
        scheduleActivity: (input, next) => next(traced(input)).then(requireReadable),
        startChildWorkflowExecution: (input, next) => next(traced(input)),
        continueAsNew: (input, next) => next(traced(input)),
      },
    ],
  };
};

/** @throws an error that fails the workflow task, and not the run. */
function requireReadable<T>(value: T): T {
  if (isUndecodable(value)) throw new Error(`this worker cannot read a payload of the run: ${value.undecodable}`);
  return value;
}

/**
 * Headers by which activities and children go on with the trace that this run was started in; none for a run that was started without.
 * They are set in the same step of the workflow and decide nothing, so that they change no order of commands (ADR 28).
 */
function traceHeaders(started: Headers): Headers {
  const payload = started[TRACE_HEADER];
  if (payload === undefined) return {};
  const carrier = carrierOf(decoded(payload), workflowInfo());
  return carrier === null ? {} : { [TRACE_HEADER]: defaultPayloadConverter.toPayload(carrier) };
}

/** A header may be anything: anyone may start a run. */
function decoded(payload: Headers[string]): unknown {
  try {
    return defaultPayloadConverter.fromPayload(payload);
  } catch {
    return null;
  }
}
