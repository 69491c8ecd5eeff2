import { type ActivityOptions, proxyActivities, workflowInfo } from '@temporalio/workflow';
import type { LaneActivities, MoverActivities, ReleaseActivities, WaitActivities } from '../../activities/index.js';
import { laneOf, moveTaskQueue, waitTaskQueue } from '../../src/contract/ids.js';
import type { MoveInput } from '../../src/contract/move.js';
import type { Plan } from '../../src/contract/release.js';
import { shortSha } from '../../src/contract/sha.js';
import { cancellationType, LATEST_READS, moveOptions, PREFLIGHTS } from './mover-options.js';

/** Reads of the registry, the configuration and the tenants: repeated freely, for as long as we are patient with a registry that is down. */
export const READS = {
  startToCloseTimeout: '2m',
  scheduleToCloseTimeout: '15m',
  // A cancel reaches an activity only with a heartbeat.
  heartbeatTimeout: '15s',
  retry: { initialInterval: '1s', maximumInterval: '30s' },
  cancellationType,
} satisfies ActivityOptions;

/** The wait for tenants: one activity until its own deadline; a dead worker is noticed by its missing heartbeats. */
export const pollOptions = (plan: Pick<Plan, 'updateTimeoutMs' | 'pollMs'>) =>
  ({
    startToCloseTimeout: plan.updateTimeoutMs + plan.pollMs + 60_000,
    scheduleToCloseTimeout: 2 * (plan.updateTimeoutMs + plan.pollMs + 60_000),
    heartbeatTimeout: '5s',
    retry: { initialInterval: '1s', maximumInterval: '5s' },
    cancellationType,
  }) satisfies ActivityOptions;

/** The watch beside a soak: as long as that, and begun again where a dead worker left it. */
export const watchOptions = ({ soakMs }: Pick<Plan, 'soakMs'>) =>
  ({
    startToCloseTimeout: soakMs + 60_000,
    scheduleToCloseTimeout: 2 * (soakMs + 60_000),
    heartbeatTimeout: '5s',
    retry: { initialInterval: '1s', maximumInterval: '5s' },
    cancellationType,
  }) satisfies ActivityOptions;

/** A second smoke does no harm. The suite itself is done in 150 s at most; a worker without a token is tried elsewhere for as long as we are patient. */
export const smokeOptions = ({ retryBudgetMs }: Pick<Plan, 'retryBudgetMs'>) =>
  ({
    startToCloseTimeout: retryBudgetMs.smoke,
    scheduleToCloseTimeout: retryBudgetMs.secret + retryBudgetMs.smoke,
    heartbeatTimeout: '15s',
    retry: { initialInterval: '1s', maximumInterval: '10s' },
    cancellationType,
  }) satisfies ActivityOptions;

/** `summary` is what the timeline of the Temporal UI calls the activity. */
export const reads = (summary: string) => proxyActivities<ReleaseActivities>({ ...READS, summary });
export const polls = (plan: Plan, summary: string) =>
  proxyActivities<ReleaseActivities>({ ...pollOptions(plan), summary });
/** The plan waits for a worker for as long as it takes: nothing has begun yet that could grow old. */
export const planReads = () => {
  const { scheduleToCloseTimeout: _, ...unbounded } = READS;
  return proxyActivities<ReleaseActivities>({ ...unbounded, summary: 'read the plan' });
};
/** Reads that are retried for the retry budget; then the release is held. */
export const registryReads = ({ retryBudgetMs }: Plan, summary: string) =>
  proxyActivities<ReleaseActivities>({ ...READS, scheduleToCloseTimeout: retryBudgetMs.registry, summary });
export const watches = (plan: Plan, summary: string) =>
  proxyActivities<ReleaseActivities>({ ...watchOptions(plan), summary });
export const smokes = (plan: Plan) => proxyActivities<ReleaseActivities>(smokeOptions(plan));
export const preflights = (summary: string) => onMoveQueue({ ...PREFLIGHTS, summary });
export const latestReads = (summary: string) => onMoveQueue({ ...LATEST_READS, summary });
export const moves = (input: MoveInput) =>
  onMoveQueue({ ...moveOptions(input), summary: `move :latest to ${shortSha(input.sha)}` });
/** As long as a move of `:latest` may take, without its put-back. */
export const tagWrites = (tag: string, within: '15m' | '1m' = '15m') =>
  onMoveQueue({ ...PREFLIGHTS, scheduleToCloseTimeout: within, startToCloseTimeout: within, summary: `point :${tag}` });
/** Reports to the lane; a lane that was started again recovers first. */
export const reports = ({ laneUnheard }: MoveInput) =>
  onMoveQueue({
    ...LATEST_READS,
    scheduleToCloseTimeout: laneUnheard ? '30s' : '5m',
    heartbeatTimeout: '5s',
    summary: REPORTS,
  });
const REPORTS = 'report to the lane';
const onMoveQueue = (options: ActivityOptions) =>
  proxyActivities<MoverActivities & LaneActivities>({
    ...options,
    taskQueue: moveTaskQueue(laneOf(workflowInfo().workflowId)),
  });

/** A wait for the lane, or for the end of a pause: without a bound but the longest that a run may wait at all. */
export const LANE_WAITS = {
  startToCloseTimeout: '30 days',
  scheduleToCloseTimeout: '30 days',
  heartbeatTimeout: '5s',
  retry: { initialInterval: '200ms', maximumInterval: '5s' },
  cancellationType,
} satisfies ActivityOptions;

/** A call to the lane: seconds, unless it is being started again. */
export const LANE_CALLS = {
  ...LANE_WAITS,
  startToCloseTimeout: '1m',
  scheduleToCloseTimeout: '15m',
} satisfies ActivityOptions;

/** On the queue of what only waits. */
const onWaitQueue = (options: ActivityOptions) =>
  proxyActivities<WaitActivities>({ ...options, taskQueue: waitTaskQueue(laneOf(workflowInfo().workflowId)) });
/** One batch of events: a run waits for it at its end, so not for long. */
export const PUBLISHES = {
  startToCloseTimeout: '30s',
  scheduleToCloseTimeout: '1m',
  retry: { initialInterval: '1s', maximumInterval: '10s' },
  cancellationType,
} satisfies ActivityOptions;
export const publishing = () => onWaitQueue({ ...PUBLISHES, summary: 'publish events' });
export const laneWaits = (summary: string) => onWaitQueue({ ...LANE_WAITS, summary });
export const follows = (forMs: number, summary: string) =>
  onWaitQueue({ ...LANE_WAITS, scheduleToCloseTimeout: forMs, startToCloseTimeout: forMs, summary });

export const laneCalls = (summary: string, within: '15m' | '60s' = '15m') =>
  onMoveQueue({ ...LANE_CALLS, scheduleToCloseTimeout: within, summary });
/** What the lane itself has done: it would end with a step that was given up. */
export const laneActivities = (summary: string) => onMoveQueue({ ...LANE_WAITS, summary });
