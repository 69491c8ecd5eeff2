import { activityInfo } from '@temporalio/activity';
import { nullIfInvalid } from '../../src/contract/brand.js';
import { type Lane, laneOf } from '../../src/contract/ids.js';
import { nothingWritten } from '../failures.js';

// biome-ignore lint/suspicious/noExplicitAny: arguments of every kind.
type Activities = Record<string, (...args: any[]) => Promise<unknown>>;

/**
 * Activities of all gates that a worker serves: each call goes to those of the gate whose run makes it, as its workflow id says. What
 * that gate requires of its callers is checked there.
 * @param names of the activities.
 * @param activitiesOf activities of a gate; null for the lane of a caller that is no run of any gate. What it throws fails the call.
 */
export function byGate<T extends Activities>(names: string[], activitiesOf: (lane: Lane | null) => Partial<T>): T {
  const routed = names.map((name) => [name, (...sent: unknown[]) => pick(name)(...sent)]);
  const pick = (name: string): T[string] => {
    try {
      const run = activitiesOf(laneOfCaller())[name];
      if (run) return run;
      throw new Error(`${name} is not called for all gates at once`);
    } catch (error) {
      throw nothingWritten(error);
    }
  };
  return Object.fromEntries(routed) as T;
}

/** Lane of the run that an activity belongs to. */
function laneOfCaller(): Lane | null {
  const { workflowExecution: run } = activityInfo();
  return run ? nullIfInvalid(() => laneOf(run.workflowId)) : null;
}
