import type { QueryDefinition, SignalDefinition, UpdateDefinition } from '@temporalio/common';
import { log, setHandler, TemporalFailure } from '@temporalio/workflow';
import { parseOrReject, rejection } from './failures.js';

// The only place that sets handlers (test/architecture): any client may send any payload, and a handler that throws fails the workflow
// task again and again, so that the run no longer answers, aborts or ends (docs/protocol.md, Messages that cannot break a run).

/** Parses a payload, which may be anything; null, or an error with the reason, if it is invalid. */
export type Parse<T> = (sent: unknown) => T | null;

/** Handles a signal. One that does not parse, or whose handling fails, is logged and dropped. */
export function onSignal<S, T>(
  signal: SignalDefinition<[S]>,
  parse: Parse<T>,
  act: (message: T) => unknown,
  description?: string,
): void {
  const handle = (sent: unknown) =>
    attempt(signal.name, () => {
      const message = parse(sent);
      if (message === null) throw rejection('invalid payload');
      return act(message);
    });
  setHandler(signal, handle, description === undefined ? {} : { description });
}

/** Carries out what a signal says, now or later; a fault is logged and dropped. */
export function attempt(signal: string, act: () => unknown): void {
  const dropped = (error: unknown) => log.warn('signal.dropped', { signal, why: describe(error) });
  try {
    void Promise.resolve(act()).catch(dropped);
  } catch (error) {
    dropped(error);
  }
}

/** Handles an update. A payload that does not parse is rejected before the history has it; a fault of the handler rejects the update alone. */
export function onUpdate<R, S, T>(
  update: UpdateDefinition<R, [S]>,
  parse: Parse<T>,
  act: (message: T) => R | Promise<R>,
  description?: string,
): void {
  const read = (sent: unknown): T => parseOrReject(parse, sent);
  const reject = (error: unknown): never => {
    throw error instanceof TemporalFailure ? error : rejection(`${update.name} failed: ${describe(error)}`);
  };
  const handle = (sent: unknown): R | Promise<R> => {
    try {
      const answer = act(read(sent));
      return answer instanceof Promise ? answer.catch(reject) : answer;
    } catch (error) {
      return reject(error);
    }
  };
  setHandler(update, handle, {
    ...(description !== undefined && { description }),
    // Synchronous: the SDK drops the promise of an asynchronous validator, which then refuses nothing.
    validator: (sent: unknown) => void read(sent),
  });
}

/** Handles a query; one that fails has no effect on the run. */
export function onQuery<R>(query: QueryDefinition<R>, answer: () => R, description?: string): void {
  setHandler(query, answer, description === undefined ? {} : { description });
}

function describe(error: unknown): string {
  return String(error instanceof Error ? error.message : error).slice(0, 500);
}
