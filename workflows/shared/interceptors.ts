import { defaultPayloadConverter, type Headers } from '@temporalio/common';
import { log, patched, type WorkflowInterceptorsFactory, workflowInfo } from '@temporalio/workflow';
import { dropMark, lacksKey } from '../../src/domain/payloads/encrypted.js';
import { carrierOf, TRACE_HEADER } from '../../src/domain/payloads/trace.js';
import { rejection } from './failures.js';
import { isUndecodable, type Undecodable } from './payload-converter.js';

/** Most drops of a run that are recorded: each takes two events. A lane continues as new before it has so many. */
const MAX_DROPS = 100;

/** Input of a run that its first worker could not read. It is refused, or a lane recovers, each time. */
const DROPPED: Undecodable = { undecodable: 'no key of the worker that began the run' };

/**
 * What our own activities and runs hand on, and what a worker with the key has acted on, must be readable: a worker that lacks the key
 * fails the workflow task, which is retried until a worker has it. What anybody may send or start is dropped or refused instead.
 */
export const interceptors: WorkflowInterceptorsFactory = () => {
  let trace = {};
  const traced = <T extends { headers: Headers }>(input: T): T => ({
    ...input,
    headers: { ...input.headers, ...trace },
  });
  const fateOf = fates();
  return {
    inbound: [
      {
        execute: (input, next) => {
          trace = traceHeaders(input.headers);
          const { continuedFromExecutionRunId, parent } = workflowInfo();
          if (continuedFromExecutionRunId !== undefined || parent !== undefined) input.args.forEach(requireReadable);
          const unreadable = input.args.find(isUndecodable);
          const fate = fateOf('its input', unreadable);
          if (fate === 'needed') throw cannotRead(unreadable);
          return next(fate === 'dropped' ? { ...input, args: [DROPPED] } : input);
        },
        // These two do not await what is next: one more step between a handler and its answer would change the order of commands.
        handleSignal: (input, next) => {
          const unreadable = input.args.find(isUndecodable);
          const fate = fateOf(input.signalName, unreadable);
          if (fate === 'dropped') return Promise.resolve();
          return fate === 'needed' ? Promise.reject(cannotRead(unreadable)) : next(input);
        },
        handleUpdate: (input, next) => {
          // The worker that accepted it has read it.
          const unreadable = input.args.find(isUndecodable);
          return unreadable === undefined ? next(input) : Promise.reject(cannotRead(unreadable));
        },
        validateUpdate: (input, next) => {
          const unreadable = input.args.find(isUndecodable);
          if (unreadable !== undefined) throw rejection(`invalid payload: ${unreadable.undecodable}`);
          next(input);
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

/**
 * What becomes of what anybody may send to a run: its input, and signals. What is encrypted with a key that this worker lacks is dropped,
 * or anybody could hold up a run for ever. The drop is a marker in the history, the one that `patched` writes: a worker with the key, which
 * reads it, drops it too when it replays the run. What is there without a marker was acted on, so it must be read.
 */
function fates(): (signal: string, unreadable: Undecodable | undefined) => 'handled' | 'dropped' | 'needed' {
  let [received, drops] = [0, 0];
  return (signal, unreadable) => {
    received += 1;
    const isEncrypted = unreadable?.keyId !== undefined;
    // No worker reads what is not encrypted and cannot be decoded: its handler drops it each time.
    if (drops >= MAX_DROPS || (unreadable !== undefined && !isEncrypted)) return 'handled';
    if (!isEncrypted && !workflowInfo().unsafe.isReplaying) return 'handled';
    if (!patched(dropMark(received))) return isEncrypted ? 'needed' : 'handled';
    drops += 1;
    log.warn('signal.dropped', { signal, why: unreadable?.undecodable });
    return 'dropped';
  };
}

/** An error that fails the workflow task, and not the run. */
function cannotRead({ undecodable, keyId }: Partial<Undecodable> = {}): Error {
  const why = `this worker cannot read a payload of the run: ${undecodable}`;
  return new Error(keyId === undefined ? why : lacksKey(why));
}

/** @throws an error that fails the workflow task, and not the run. */
function requireReadable<T>(value: T): T {
  if (isUndecodable(value)) throw cannotRead(value);
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
