import { CancellationScope, getExternalWorkflowHandle, sleep } from '@temporalio/workflow';
import { moveLatestId } from '../../src/contract/ids.js';
import type { LaneState, RunRef } from '../../src/contract/lane.js';
import * as messages from '../../src/contract/messages.js';
import { shortSha } from '../../src/contract/sha.js';
import { noteDrift } from '../../src/lane/drift.js';
import { lastMove, liveBefore } from '../../src/lane/ledger.js';
import { LEASE_MS } from '../../src/lane/moves.js';
import { noteVerdict } from '../../src/lane/verdicts.js';
import { laneActivities, laneCalls, laneWaits } from '../shared/activity-options.js';
import { alarm, type EventFeed } from '../shared/events.js';
import { ownLane } from '../shared/own-lane.js';
import { alarmOfVerdict } from './lane-alarms.js';

/** Delay after a move before `:latest` is read again, in milliseconds (docs/protocol.md, The move). */
const REREAD_MS = 60_000;

/** Follows the holder, the open move and the announced rollback to their ends, each by one activity; after a move reads `:latest` again and starts the watch over production. */
export function followers(state: LaneState, feed: EventFeed, settle: () => void): () => void {
  const begun = new Set<string>();
  const once = (key: string, run: () => Promise<void>) => {
    if (begun.has(key)) return;
    begun.add(key);
    run()
      .then(settle)
      .catch(() => begun.delete(key));
  };
  // A late message of a run that has ended may bring it back: then it is followed again.
  const follow = (runId: string, toItsEnd: () => Promise<void>) =>
    once(runId, async () => {
      await toItsEnd();
      begun.delete(runId);
    });
  const keepCopy = copyKeeper(feed);
  const awaitClosed = (run: RunRef) => laneWaits(`follow ${run.workflowId}`).awaitClosed(run);
  return () => {
    const { holder, move, rollback, ledger } = state;
    if (holder)
      follow(holder.runId, async () => {
        const verdict = await laneWaits(`follow ${holder.workflowId}`).awaitVerdict(holder);
        if (verdict) noteVerdict(state, verdict);
        if (state.holder?.runId === holder.runId) state.holder = null;
        alarmOfVerdict(feed, state, holder);
      });
    if (rollback)
      follow(rollback.runId, async () => {
        await awaitClosed(rollback);
        if (state.rollback?.runId === rollback.runId) state.rollback = null;
      });
    if (move)
      follow(move.moverRunId, async () => {
        await awaitClosed({ workflowId: moveLatestId(ownLane()), runId: move.moverRunId });
        // A mover reports before it ends. If it could not, its move is over once none of its writes can be in flight.
        await sleep(LEASE_MS, { summary: 'wait for writes of the mover in flight' });
        if (state.move?.moverRunId === move.moverRunId) state.move = null;
      });
    const moved = lastMove(ledger);
    if (moved?.sha && (ledger.watchStartedFor ?? '') < moved.at) {
      const { sha, at: movedAt } = moved;
      const before = liveBefore(ledger, moved);
      once(`watch ${movedAt}`, async () => {
        const watch = laneActivities(`start the production watch for ${shortSha(sha)}`);
        const isWatched = await watch.startWatch({ sha, movedAt, ...(before && { before }) });
        if ((ledger.watchStartedFor ?? '') >= movedAt) return;
        ledger.watchStartedFor = movedAt;
        if (isWatched) ledger.watchedFor = movedAt;
      });
    }
    const { expectedLatest } = ledger;
    if (expectedLatest) once(`copy ${expectedLatest.at}`, keepCopy);
    if (expectedLatest && ledger.history.length > 0)
      once(`left ${expectedLatest.at}`, async () => {
        await sleep(Math.max(1, expectedLatest.at + REREAD_MS - Date.now()), {
          summary: 'wait before reading :latest again',
        });
        if (ledger.expectedLatest?.at !== expectedLatest.at) return;
        const moved = await laneActivities('read :latest again after a move').reread(expectedLatest.images);
        if (moved.length === 0) return;
        // On hold or not: what a hold is about may be something else.
        const found = { expectedAt: expectedLatest.at, moved, missing: ledger.drift?.missing ?? [] };
        for (const { alarm: name, why } of noteDrift(state, found))
          alarm(feed, name, { why, images: expectedLatest.images });
      });
  };
}

/** Keeps a copy of the ledger in the registry, after a move and at the start of a run. It delays nothing; one that could not be written is an alarm, once in a row. */
function copyKeeper(feed: EventFeed): () => Promise<void> {
  let hasFailed = false;
  return async () => {
    const keeping = laneCalls('keep a copy of the ledger in the registry', '1m').keepLedger();
    const why = await keeping.catch(() => 'it was not written within a minute');
    if (why !== null && !hasFailed) alarm(feed, 'ledger-not-kept', { why });
    hasFailed = why !== null;
  };
}

/** Sends each holder its revocation, once. While it is not idle the lane must not continue as new: the server would drop the signal. */
export function revocations(): { notify(state: LaneState): void; isIdle(): boolean } {
  let open = 0;
  return {
    notify({ holder }) {
      if (!holder?.revocation || holder.notified) return;
      holder.notified = true;
      const { workflowId, runId, fencingToken, revocation } = holder;
      const handle = getExternalWorkflowHandle(workflowId, runId);
      open += 1;
      CancellationScope.nonCancellable(() => handle.signal(messages.laneRevokedSignal, { ...revocation, fencingToken }))
        .catch(() => undefined)
        .finally(() => {
          open -= 1;
        });
    },
    isIdle: () => open === 0,
  };
}

/** Longest timer, in milliseconds: any client may report a hold that ends in a thousand years. */
const MAX_WAIT_MS = 24 * 3_600_000;

/** Settles the lane when its holder may be preempted, by one timer for each such time. */
export function preemptionTimer(settle: () => void): (state: LaneState) => void {
  let awaited: number | undefined;
  return ({ holder }) => {
    const at = holder?.heldFor?.preemptibleAt;
    if (at === undefined || at === awaited || at <= Date.now()) return;
    awaited = at;
    sleep(Math.min(at - Date.now(), MAX_WAIT_MS), { summary: 'until a newer build may take the lane' })
      .then(() => {
        if (awaited === at) awaited = undefined;
        settle();
      })
      .catch(() => undefined);
  };
}
