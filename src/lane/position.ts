import type { HolderStatus, LaneState, PositionRequest, RunPosition } from '../contract/lane.js';
import { shortSha } from '../contract/sha.js';
import { activeQuarantines } from '../contract/tenants/quarantine.js';
import { isPaused } from './commands.js';
import { isOlder } from './ledger.js';
import { isKnown, resultOf } from './queue.js';

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
  const next = queue.at(-1);
  // The keys are read, not created: a query must not change the state.
  const [key, nextKey] = [sha, next?.sha].map((one) => one && ledger.order[shortSha(one)]);
  return {
    fencingToken: own && !own.revocation ? own.fencingToken : null,
    revocation: own?.revocation ?? null,
    hold: ledger.hold,
    pause: ledger.pause,
    expectedLatest: ledger.expectedLatest?.images ?? [],
    ...(ledger.quarantines && { quarantines: ledger.quarantines }),
    newer: next && key && nextKey && isOlder(key, nextKey) ? next.sha : null,
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
