import { MOVE_BORDERS, RELEASE_BORDERS, WAIT_BORDERS } from './border/table.js';
import { withBorders } from './border/with-borders.js';
import type { ActivityDependencies } from './dependencies.js';
import { onMoveQueue, onReleaseQueue, onWaitQueue } from './queues.js';

/** Activities on the gate's main task queue. */
export const createReleaseActivities = (dependencies: ActivityDependencies) =>
  withBorders(dependencies, onReleaseQueue(dependencies), RELEASE_BORDERS);

/** Activities on the mover's task queue. */
export const createMoveQueueActivities = (dependencies: ActivityDependencies) =>
  withBorders(dependencies, onMoveQueue(dependencies), MOVE_BORDERS);

/** Activities on the wait queue: what only waits, and the delivery of events. */
export const createWaitQueueActivities = (dependencies: ActivityDependencies) =>
  withBorders(dependencies, onWaitQueue(dependencies), WAIT_BORDERS);

export type { MoveQueueActivities, ReleaseActivities, WaitActivities } from './queues.js';
