import type { ActivityOptions } from '@temporalio/workflow';
import type { Plan } from '../../src/contract/release.js';
import { DELIVERY_PART_MS, type WatchPlan } from '../../src/contract/tenants/production.js';
import { cancellationType } from './mover-options.js';

/** Longest heartbeat time-out of an activity that only waits, in milliseconds: each heartbeat is an Action. */
const MAX_HEARTBEAT_MS = 45_000;
/** Heartbeat time-out of an activity that does something at that interval, in milliseconds: a dead worker costs it that many rounds. */
const heartbeatOf = (intervalMs: number, rounds: number) =>
  Math.min(MAX_HEARTBEAT_MS, Math.max(5_000, rounds * intervalMs));
/** Rounds of the wait for a build, in which nothing is at stake but time. */
const POLLS = 9;
/** Rounds of a watch: with the round before and a retry, a dead worker's gap is shorter than the three that a stretch may miss. */
const ROUNDS = 1.5;

/** Options of the wait for tenants: one activity until its own deadline; missing heartbeats show a dead worker. */
export const pollOptions = (plan: Pick<Plan, 'updateTimeoutMs' | 'pollMs'>) =>
  ({
    startToCloseTimeout: plan.updateTimeoutMs + plan.pollMs + 60_000,
    scheduleToCloseTimeout: 2 * (plan.updateTimeoutMs + plan.pollMs + 60_000),
    heartbeatTimeout: heartbeatOf(plan.pollMs, POLLS),
    retry: { initialInterval: '1s', maximumInterval: '5s' },
    cancellationType,
  }) satisfies ActivityOptions;

/** Options of a watch that is started again if its worker dies. `forMs`: its usual duration, of which it may take twice, in milliseconds. */
export const watchOptions = ({ soakProbeMs }: Pick<Plan, 'soakProbeMs'>, forMs: number) =>
  ({
    startToCloseTimeout: 2 * (forMs + 60_000),
    scheduleToCloseTimeout: 2 * (forMs + 60_000),
    heartbeatTimeout: heartbeatOf(soakProbeMs, ROUNDS),
    retry: { initialInterval: '1s', maximumInterval: '5s' },
    cancellationType,
  }) satisfies ActivityOptions;

/** Options of a shift of the watch over production. A worker may be away: what it does not watch proves nothing. */
export const productionWatchOptions = ({ pollMs, shiftMs, awayMs }: Pick<WatchPlan, 'pollMs' | 'shiftMs' | 'awayMs'>) =>
  ({
    startToCloseTimeout: shiftMs + 60_000,
    scheduleToCloseTimeout: shiftMs + 60_000 + awayMs,
    heartbeatTimeout: heartbeatOf(pollMs, ROUNDS),
    retry: { initialInterval: '1s', maximumInterval: '5s' },
    cancellationType,
  }) satisfies ActivityOptions;

/** Options of a wait for a new tenant, and of its checks, until their own deadline; a silent control plane is asked again meanwhile. */
export const newTenantOptions = (forMs: number) =>
  ({
    startToCloseTimeout: forMs + 5 * 60_000,
    scheduleToCloseTimeout: forMs + 15 * 60_000,
    heartbeatTimeout: '15s',
    retry: { initialInterval: '1s', maximumInterval: '10s' },
    cancellationType,
  }) satisfies ActivityOptions;

/** Options of a delivery by the control plane: an attempt has its three parts, and one whose worker dies at its end is followed by one more look for the answer. */
export const DELIVERY = {
  startToCloseTimeout: 3 * DELIVERY_PART_MS + 5 * 60_000,
  scheduleToCloseTimeout: 4 * DELIVERY_PART_MS + 15 * 60_000,
  heartbeatTimeout: '15s',
  retry: { initialInterval: '1s', maximumInterval: '10s' },
  cancellationType,
} satisfies ActivityOptions;

/** Longest wait of a run for a person or for the lane, in milliseconds. */
export const MAX_WAIT_MS = 30 * 24 * 60 * 60_000;

/** Options of waits for the lane or for the end of a pause: bounded only by the longest wait of a run. */
export const LANE_WAITS = {
  startToCloseTimeout: MAX_WAIT_MS,
  scheduleToCloseTimeout: MAX_WAIT_MS,
  heartbeatTimeout: MAX_HEARTBEAT_MS,
  retry: { initialInterval: '200ms', maximumInterval: '5s' },
  cancellationType,
} satisfies ActivityOptions;
