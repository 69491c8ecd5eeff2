import type { HolderStatus, LaneRequest, LaneState, PositionRequest, RunPosition } from '../contract/lane.js';
import { shortSha } from '../contract/sha.js';
import { activeQuarantines } from '../contract/tenants/quarantine.js';
import { isOlder } from './ledger.js';
import { inOrder, isKnown, resultOf } from './queue.js';
import { isPaused } from './state.js';

/** Answers what the lane knows about one run. The pause is reported as it was set, even if expired: the clock of a workflow stands still while it answers a query. */
export function positionOf(state: LaneState, request: PositionRequest): RunPosition {
  const { holder, rollback, requestedRollbacks, ledger } = state;
  const { runId } = request;
  const owner = holder && !holder.revocation ? holder : rollback;
  return {
    isKnown: isKnown(state, request),
    result: resultOf(state, request),
    status: holderStatusOf(state, request),
    isHeld: holder !== null,
    ownsCanaryTag: owner?.runId === runId,
    isSupersededRollback: requestedRollbacks.includes(runId) && rollback?.runId !== runId,
    expectedAt: ledger.expectedLatest?.at ?? null,
  };
}

function holderStatusOf(state: LaneState, { runId, sha }: PositionRequest): HolderStatus {
  const { holder, queue, ledger } = state;
  const own = holder?.runId === runId ? holder : null;
  // The keys are read, not created: a query must not change the state.
  const keyOf = (one: string | undefined) => one && ledger.order[shortSha(one)];
  const key = keyOf(sha);
  const isNewer = (one: LaneRequest) => {
    const other = keyOf(one.sha);
    return key && other && isOlder(key, other);
  };
  return {
    fencingToken: own && !own.revocation ? own.fencingToken : null,
    revocation: own?.revocation ?? null,
    hold: ledger.hold,
    pause: ledger.pause,
    expectedLatest: ledger.expectedLatest?.images ?? [],
    ...(ledger.quarantines && { quarantines: ledger.quarantines }),
    newer: inOrder(queue).findLast(isNewer)?.sha ?? null,
  };
}

/** Position of a run at `now` (epoch, ms), without an expired pause or quarantine. */
export function positionAt(position: RunPosition, now: number): RunPosition {
  const { quarantines: _, ...status } = position.status;
  const active = activeQuarantines(position.status, now);
  return {
    ...position,
    status: {
      ...status,
      pause: isPaused(status.pause, now) ? status.pause : null,
      ...(active.length > 0 && { quarantines: active }),
    },
  };
}
