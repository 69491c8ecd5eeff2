import { upsertMemo } from '@temporalio/workflow';
import type { LaneState, RollbackRequest } from '../../src/contract/lane.js';
import { LEASE_MS, leaseLeft } from '../../src/lane/moves.js';
import { beginRollback } from '../../src/lane/rollback.js';
import { laneCalls } from '../shared/activity-options.js';
import { rejection } from '../shared/failures.js';

/** Announcements of rollbacks, handled one after the other: each is looked up before it displaces anything (docs/protocol.md, A rollback). */
export interface AnnouncedRollbacks {
  /** Begins an announced rollback, if it is one; returns why not. */
  begin(state: LaneState, request: RollbackRequest): Promise<Parameters<typeof rejection> | null>;
  /** The same; answers how long a write of another mover may still be in flight, in milliseconds.
   * @throws a rejection. */
  answer(state: LaneState, request: RollbackRequest): Promise<number>;
  /** Waits for the announcements that came before: the report of a move must not be read before them. */
  settled(): Promise<unknown>;
  isIdle(): boolean;
}

/** @param wake called after each announcement. */
export function announcedRollbacks(wake: () => void): AnnouncedRollbacks {
  let last: Promise<unknown> = Promise.resolve();
  let open = 0;
  const lookUpAndBegin = async (state: LaneState, request: RollbackRequest) => {
    const { workflowId, runId } = request;
    if (state.requestedRollbacks.includes(runId) || state.finishedRuns.includes(runId)) return null;
    // A look-up that fails stops no rollback.
    const found = await laneCalls('look up an announced rollback', '3s')
      .findRollback(request)
      .catch(() => 'running' as const);
    // A command, whatever comes of it: a workflow task without one is merged with an update that follows it (ADR 10).
    upsertMemo({ announced: `${workflowId} ${runId}: ${found}` });
    if (found === 'none')
      return rejecting(`${workflowId} with run id ${runId} is not a rollback of this gate`, 'not-running');
    const refusal = beginRollback(state, request, Date.now(), found === 'running');
    return refusal && rejecting(refusal.refused, 'needs-force');
  };
  const begin: AnnouncedRollbacks['begin'] = async (state, request) => {
    open += 1;
    const own = last.then(() => lookUpAndBegin(state, request));
    last = own.catch(() => undefined);
    try {
      return await own;
    } finally {
      open -= 1;
      wake();
    }
  };
  return {
    begin,
    async answer(state, request) {
      // A lane that was not fully recovered may have forgotten a mover.
      const mayHaveForgotten = state.ledger.hold?.name === 'not-recovered';
      const refusal = await begin(state, request);
      if (refusal) throw rejection(...refusal);
      return mayHaveForgotten ? LEASE_MS : leaseLeft(state, request, Date.now());
    },
    settled: () => last,
    isIdle: () => open === 0,
  };
}

const rejecting = (message: string, refusal: 'not-running' | 'needs-force'): Parameters<typeof rejection> => [
  message,
  { refusal },
];
