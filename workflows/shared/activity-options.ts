import { type ActivityOptions, proxyActivities } from '@temporalio/workflow';
import type { MoveQueueActivities, ReleaseActivities, WaitActivities } from '../../activities/index.js';
import { moveTaskQueue, waitTaskQueue } from '../../src/contract/ids.js';
import type { MoveInput } from '../../src/contract/move.js';
import type { Plan } from '../../src/contract/release.js';
import { shortSha } from '../../src/contract/sha.js';
import type { WatchPlan } from '../../src/contract/tenants/production.js';
import { cancellationType, LATEST_READS, moveOptions, PREFLIGHTS } from './mover-options.js';
import { ownLane } from './own-lane.js';
import {
  DELIVERY,
  LANE_WAITS,
  MAX_WAIT_MS,
  newTenantOptions,
  pollOptions,
  productionWatchOptions,
  watchOptions,
} from './wait-options.js';

/** Options of reads from registry, configuration and tenants: retried freely, for as long as the retry budget of a registry that is down. */
export const READS = {
  startToCloseTimeout: '2m',
  scheduleToCloseTimeout: '15m',
  // A cancel reaches an activity only with a heartbeat.
  heartbeatTimeout: '15s',
  retry: { initialInterval: '1s', maximumInterval: '30s' },
  cancellationType,
} satisfies ActivityOptions;

/** Options of a smoke, which may safely run twice. The suite takes at most 150 s; a missing token is retried on other workers for its retry budget. */
export const smokeOptions = ({ retryBudgetMs }: Pick<Plan, 'retryBudgetMs'>) =>
  ({
    startToCloseTimeout: retryBudgetMs.smoke,
    scheduleToCloseTimeout: retryBudgetMs.secret + retryBudgetMs.smoke,
    heartbeatTimeout: '15s',
    retry: { initialInterval: '1s', maximumInterval: '10s' },
    cancellationType,
  }) satisfies ActivityOptions;

/** Reads from registry, configuration and tenants. `summary` names the activity in the timeline of the Temporal UI. */
export const reads = (summary: string) => proxyActivities<ReleaseActivities>({ ...READS, summary });
/** Wait for the tenants. */
export const polls = (plan: Plan, summary: string) =>
  proxyActivities<ReleaseActivities>({ ...pollOptions(plan), summary });
/** Read of the plan: it waits for a worker without a bound, because nothing has begun that could become out of date. */
export const planReads = () => {
  const { scheduleToCloseTimeout: _, ...unbounded } = READS;
  return proxyActivities<ReleaseActivities>({ ...unbounded, summary: 'read the plan' });
};
/** Registry reads, retried for the retry budget; then the release is held. */
export const registryReads = ({ retryBudgetMs }: Plan, summary: string) =>
  proxyActivities<ReleaseActivities>({ ...READS, scheduleToCloseTimeout: retryBudgetMs.registry, summary });
/** Watch over a soak; a stretch that ends early, because no worker watched, begins again in it. */
export const soakWatches = (plan: Plan, summary: string) =>
  proxyActivities<ReleaseActivities>({ ...watchOptions(plan, plan.soakMs), summary });
/** Watch from the soak to the move: as long as a release may wait for a person. */
export const watches = (plan: Plan, summary: string) =>
  proxyActivities<ReleaseActivities>({ ...watchOptions(plan, MAX_WAIT_MS), summary });
/** Shift of the watch over production. */
export const productionWatches = (plan: WatchPlan, summary: string) =>
  proxyActivities<ReleaseActivities>({ ...productionWatchOptions(plan), summary });
/** Smoke of one tenant. */
export const smokes = (plan: Plan) => proxyActivities<ReleaseActivities>(smokeOptions(plan));
/** Delivery by the control plane. */
export const redeploys = (summary: string) => proxyActivities<ReleaseActivities>({ ...DELIVERY, summary });
/** Wait of at most `forMs` milliseconds for a new tenant: one activity until its own deadline. */
export const instanceWaits = (forMs: number, summary: string) =>
  proxyActivities<ReleaseActivities>({ ...newTenantOptions(forMs), summary });
/** Checks before the first write. */
export const preflights = (summary: string) => onMoveQueue({ ...PREFLIGHTS, summary });
/** Read of `:latest` without a mover. */
export const latestReads = (summary: string) => onMoveQueue({ ...LATEST_READS, summary });
/** Move of `:latest`. */
export const moves = (input: MoveInput) =>
  onMoveQueue({ ...moveOptions(input), summary: `move :latest to ${shortSha(input.sha)}` });
/** Write of another tag, by default with the time of a move without its restore. */
export const tagWrites = (tag: string, within: '15m' | '1m' = '15m') =>
  onMoveQueue({ ...PREFLIGHTS, scheduleToCloseTimeout: within, startToCloseTimeout: within, summary: `point :${tag}` });
/** Report of a mover to the lane, which may have to recover first. */
export const reports = ({ laneUnavailable }: MoveInput) =>
  onMoveQueue({
    ...LATEST_READS,
    scheduleToCloseTimeout: laneUnavailable ? '30s' : '5m',
    heartbeatTimeout: '5s',
    summary: REPORTS,
  });
const REPORTS = 'report to the lane';
const onMoveQueue = (options: ActivityOptions) =>
  proxyActivities<MoveQueueActivities>({
    ...options,
    taskQueue: moveTaskQueue(ownLane()),
  });

/** Options of steps for which a run waits. */
const LANE_STEPS = { ...LANE_WAITS, heartbeatTimeout: '5s' } satisfies ActivityOptions;

/** Options of calls to the lane: they take seconds, unless the lane is being started again. */
export const LANE_CALLS = {
  ...LANE_STEPS,
  startToCloseTimeout: '1m',
  scheduleToCloseTimeout: '15m',
} satisfies ActivityOptions;

/** Proxy of activities on the wait queue. */
const onWaitQueue = (options: ActivityOptions) =>
  proxyActivities<WaitActivities>({ ...options, taskQueue: waitTaskQueue(ownLane()) });
/**
 * Options of the delivery of one batch of events: a run waits for it at its end. Attempts bound it, with about a minute of pauses, and not the time:
 * while no worker polls, events wait as their run does. A worker that stops may lose a batch; that is noticed after 5 s without a heartbeat.
 */
export const PUBLISHES = {
  startToCloseTimeout: '30s',
  scheduleToCloseTimeout: MAX_WAIT_MS,
  heartbeatTimeout: '5s',
  retry: { initialInterval: '1s', backoffCoefficient: 2, maximumInterval: '10s', maximumAttempts: 10 },
  cancellationType,
} satisfies ActivityOptions;
/** Delivery of events. A run ends behind its last one, and what waits for that end may fill the slots of the wait queue. */
export const publishing = () => onMoveQueue({ ...PUBLISHES, summary: 'publish events' });
/**
 * Options of a delivery to a sink: retried with back-off for an hour, in which a service may be down; then the event is lost. The activity ends it by
 * the age of the event, and the attempts bound it, with about an hour of pauses: while no worker polls, events wait.
 */
export const DELIVERIES = {
  startToCloseTimeout: '2m',
  scheduleToCloseTimeout: MAX_WAIT_MS,
  heartbeatTimeout: '5s',
  retry: { initialInterval: '1s', backoffCoefficient: 2, maximumInterval: '1m', maximumAttempts: 70 },
  cancellationType,
} satisfies ActivityOptions;
/** Delivery of one event to one sink. */
export const deliveries = (summary: string) => onWaitQueue({ ...DELIVERIES, summary });
/** Waits for the lane and for other runs. */
export const laneWaits = (summary: string) => onWaitQueue({ ...LANE_WAITS, summary });
/** Wait for the end of a run, for at most `forMs` milliseconds. */
export const follows = (forMs: number, summary: string) =>
  onWaitQueue({ ...LANE_STEPS, scheduleToCloseTimeout: forMs, startToCloseTimeout: forMs, summary });

/** Calls of a run to the lane. */
export const laneCalls = (summary: string, within: '15m' | '1m' | '15s' | '10s' | '3s' = '15m') =>
  onMoveQueue({ ...LANE_CALLS, scheduleToCloseTimeout: within, summary });
/** Comparison of the registry with the ledger, for all gates of a worker at once. */
export const driftChecks = (summary: string) => onMoveQueue({ ...LANE_CALLS, startToCloseTimeout: '10m', summary });
/** Activities of the lane itself, bounded like its waits: a step that gave up would end the lane. */
export const laneActivities = (summary: string) => onMoveQueue({ ...LANE_STEPS, summary });
