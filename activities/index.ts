import type { Lane } from '../src/contract/ids.js';
import { byGate } from './border/by-gate.js';
import { MOVE_BORDERS, RELEASE_BORDERS, WAIT_BORDERS } from './border/table.js';
import { withBorders } from './border/with-borders.js';
import type { ActivityDependencies } from './dependencies.js';
import { createSharedDrift } from './lane/shared-drift.js';
import {
  type MoveQueueActivities,
  onMoveQueue,
  onReleaseQueue,
  onWaitQueue,
  type ReleaseActivities,
  type WaitActivities,
} from './queues.js';

/** Activities on the gate's main task queue. */
export const createReleaseActivities = (dependencies: ActivityDependencies) =>
  withBorders(dependencies, onReleaseQueue(dependencies), RELEASE_BORDERS);

/** Activities on the mover's task queue. */
export const createMoveQueueActivities = (dependencies: ActivityDependencies) =>
  withBorders(dependencies, onMoveQueue(dependencies), MOVE_BORDERS);

/** Activities on the wait queue: what only waits, and the delivery of events. */
export const createWaitQueueActivities = (dependencies: ActivityDependencies) =>
  withBorders(dependencies, onWaitQueue(dependencies), WAIT_BORDERS);

/** The activities of all gates that a worker serves, by task queue.
 * @param of dependencies of a gate, by its lane; always the same for the same gate.
 * @param shared drift check of all gates at once, for the lane of the workers themselves; null if the worker serves one gate alone. */
export function createActivities(
  of: (lane: Lane | null) => ActivityDependencies,
  shared: { lane: Lane; dependencies: () => ActivityDependencies[] } | null,
) {
  const release = memoized(createReleaseActivities);
  const move = memoized(createMoveQueueActivities);
  const wait = memoized(createWaitQueueActivities);
  return {
    release: byGate<ReleaseActivities>(Object.keys(RELEASE_BORDERS), (lane) => release(of(lane))),
    move: byGate<MoveQueueActivities>(Object.keys(MOVE_BORDERS), (lane) =>
      lane === shared?.lane ? sharedDrift(shared.lane, shared.dependencies()) : move(of(lane)),
    ),
    wait: byGate<WaitActivities>(Object.keys(WAIT_BORDERS), (lane) => wait(of(lane))),
  };
}

/** `CheckDrift` of all gates. It belongs to the lane of the workers, so it passes the border of that. */
function sharedDrift(lane: Lane, all: ActivityDependencies[]): Partial<MoveQueueActivities> {
  const [one] = all;
  if (one === undefined) throw new Error('no gate can be used');
  const worker = { ...one, config: { ...one.config, lane } };
  const { lookForDrift, reportDrift } = MOVE_BORDERS;
  return withBorders(worker, createSharedDrift(all), { lookForDrift, reportDrift });
}

/** One result for each gate, kept as long as its dependencies. */
function memoized<T>(create: (dependencies: ActivityDependencies) => T): typeof create {
  const made = new WeakMap<ActivityDependencies, T>();
  return (dependencies) => {
    const result = made.get(dependencies) ?? create(dependencies);
    made.set(dependencies, result);
    return result;
  };
}

export type { MoveQueueActivities, ReleaseActivities, WaitActivities } from './queues.js';
