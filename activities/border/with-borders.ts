import { activityInfo } from '@temporalio/activity';
import type { WORKFLOWS } from '../../src/contract/ids.js';
import type { ActivityDependencies } from '../dependencies.js';
import { nothingWritten, retryMissingSecret, toFailure } from '../failures.js';
import { withHeartbeat } from '../heartbeat.js';
import { type Caller, callerOf, type KnownCaller, requireOurs } from './caller.js';

type WorkflowType = (typeof WORKFLOWS)[keyof typeof WORKFLOWS];

/** What an activity takes, and from whom: any client of the namespace may schedule it, with any arguments. */
export interface Border<A extends unknown[]> {
  /** Types of the workflows that call it; on the lane of this worker. */
  from: readonly WorkflowType[];
  /** Parsers of its arguments, in order.
   * @throws {InvalidInput} */
  args: { [Index in keyof A]-?: (sent: unknown) => A[Index] };
  /** Checks the arguments against the configuration of this worker. */
  check?: (worker: ActivityDependencies, caller: Caller, ...args: A) => unknown;
  /** Checks them against what the server knows of the caller; what it returns is used instead. */
  replace?: (worker: ActivityDependencies, caller: KnownCaller, ...args: A) => Promise<A>;
}

// biome-ignore lint/suspicious/noExplicitAny: arguments of every kind.
type Activities = Record<string, (...args: any[]) => Promise<unknown>>;

/** A border for each activity: without one it does not compile. */
export type Borders<T extends Activities> = { [Name in keyof T]: Border<Parameters<T[Name]>> };

/**
 * Puts a border around each activity: with what, and who calls, as the server knows it, is checked before anything else is done. What
 * does not pass fails as `MoveRefused` or `ConfigInvalid`, with no request sent. Errors of the activities become failures here too.
 */
export function withBorders<T extends Activities>(worker: ActivityDependencies, activities: T, borders: Borders<T>): T {
  const guarded = Object.entries(activities).map(([name, run]) => {
    const border = borders[name] as Border<unknown[]> | undefined;
    if (!border) throw new Error(`activity ${name} has no border`);
    return [name, (...sent: unknown[]) => guard(worker, { name, border, run }, sent)];
  });
  return Object.fromEntries(guarded) as T;
}

interface Guarded {
  name: string;
  border: Border<unknown[]>;
  run: Activities[string];
}

async function guard(worker: ActivityDependencies, { name, border, run }: Guarded, sent: unknown[]): Promise<unknown> {
  const args = await pass(worker, name, border, sent).catch((error: unknown) => {
    // A mover that is refused before its first attempt has nothing to read again.
    throw activityInfo().attempt > 1 ? toFailure(error) : nothingWritten(error);
  });
  return run(...args).catch((error: unknown) => {
    throw toFailure(error);
  });
}

async function pass(
  worker: ActivityDependencies,
  name: string,
  border: Border<unknown[]>,
  sent: unknown[],
): Promise<unknown[]> {
  const { lane } = worker.config;
  const caller = callerOf(name, border.from, lane);
  const args = border.args.map((parse, index) => parse(sent[index]));
  const { check, replace } = border;
  const checked = async () => {
    await check?.(worker, caller, ...args);
    const known = await requireOurs(worker.client, caller, lane);
    return (await replace?.(worker, known, ...args)) ?? args;
  };
  // With the details of the earlier attempt, which a heartbeat without them would erase.
  const { heartbeatDetails } = activityInfo();
  return withHeartbeat(() => retryMissingSecret(worker.retryBudgetMs.secret, checked), heartbeatDetails);
}
