import { upsertMemo } from '@temporalio/workflow';
import { rollbackId } from '../../src/contract/ids.js';
import type { LaneState, MoveReport, RollbackRequest } from '../../src/contract/lane.js';
import type { MoveRefusalReason } from '../../src/contract/move.js';
import { LEASE_MS, leaseLeft, reportMove } from '../../src/lane/moves.js';
import { beginRollback, isForcedSince } from '../../src/lane/rollback.js';
import { laneCalls } from '../shared/activity-options.js';
import { failure, rejection } from '../shared/failures.js';
import { ownLane } from '../shared/own-lane.js';

/**
 * Announcements of rollbacks and reports of moves, handled one after the other: any client may send either, so each is looked up before it
 * displaces or records anything (docs/protocol.md, A rollback).
 */
export interface AnnouncedRollbacks {
  /** Begins an announced rollback, if it is one; returns why not. */
  begin(state: LaneState, request: RollbackRequest): Promise<Parameters<typeof rejection> | null>;
  /** The same; answers how long a write of another mover may still be in flight, in milliseconds.
   * @throws a rejection. */
  answer(state: LaneState, request: RollbackRequest): Promise<number>;
  /** Records the report of a mover, once the server knows it. The announcements that came before are read first.
   * @throws a rejection. */
  report(state: LaneState, report: MoveReport): Promise<void>;
  isIdle(): boolean;
}

/** @param settle called after each announcement and report. */
export function announcedRollbacks(settle: () => void): AnnouncedRollbacks {
  let last: Promise<unknown> = Promise.resolve();
  let open = 0;
  const lookUpAndBegin = async (state: LaneState, request: RollbackRequest) => {
    const { workflowId, runId, sha } = request;
    const isKnown = state.requestedRollbacks.includes(runId) || state.finishedRuns.includes(runId);
    if (isKnown && !isForcedSince(state, request)) return null;
    const isOwn = workflowId === rollbackId(ownLane(), sha);
    // A look-up that fails stops no rollback; but a run of another lane, once it counts, could not be followed to its end.
    const found = isOwn
      ? await laneCalls('look up an announced rollback', '3s')
          .findRollback(request)
          .catch(() => 'running' as const)
      : 'none';
    // A command, whatever comes of it: a workflow task without one is merged with an update that follows it (ADR 10).
    upsertMemo({ announced: `${workflowId} ${runId}: ${found}` });
    if (found === 'none')
      return rejecting(`${workflowId} with run id ${runId} is not a rollback of this gate`, 'not-running');
    const refusal = beginRollback(state, request, Date.now(), found === 'running');
    return refusal && rejecting(refusal.refused, refusal.refusal);
  };
  const lookUpAndRecord = async (state: LaneState, report: MoveReport) => {
    const { moverRunId } = report;
    const isKnown = await laneCalls('look up the mover of a report', '15s')
      .findMover(report)
      .catch(() => null);
    // A command, whatever comes of it (ADR 10).
    upsertMemo({ reported: `${moverRunId}: ${isKnown}` });
    // No refusal, so its activity reports again. If it gives up, drift holds the lane.
    if (isKnown === null) throw failure('TimedOut', `the server does not say whether ${moverRunId} is a mover`);
    if (!isKnown)
      throw rejection(`${moverRunId} is not a mover of this gate that was told to move this`, { refusal: 'foreign' });
    reportMove(state, report, Date.now());
  };
  const inOrder = async <T>(act: () => Promise<T>): Promise<T> => {
    open += 1;
    const own = last.then(act);
    last = own.catch(() => undefined);
    try {
      return await own;
    } finally {
      open -= 1;
      settle();
    }
  };
  const begin: AnnouncedRollbacks['begin'] = (state, request) => inOrder(() => lookUpAndBegin(state, request));
  return {
    begin,
    async answer(state, request) {
      // A lane that was not fully recovered may have forgotten a mover.
      const mayHaveForgotten = state.ledger.hold?.name === 'not-recovered';
      const refusal = await begin(state, request);
      if (refusal) throw rejection(...refusal);
      return mayHaveForgotten ? LEASE_MS : leaseLeft(state, request, Date.now());
    },
    report: (state, report) => inOrder(() => lookUpAndRecord(state, report)),
    isIdle: () => open === 0,
  };
}

const rejecting = (message: string, refusal: MoveRefusalReason): Parameters<typeof rejection> => [message, { refusal }];
