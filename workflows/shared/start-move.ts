import { WorkflowExecutionAlreadyStartedError } from '@temporalio/common';
import {
  CancellationScope,
  ChildWorkflowFailure,
  executeChild,
  isCancellation,
  sleep,
  TerminatedFailure,
} from '@temporalio/workflow';
import { moveLatestId } from '../../src/contract/ids.js';
import type { MovedImage, MoveInput } from '../../src/contract/move.js';
import { shortSha } from '../../src/contract/sha.js';
import { LEASE_MS } from '../../src/lane/moves.js';
import { MoveLatest, requireMoved, SETTLE, settled } from '../move-latest.js';
import { follows, laneCalls, latestReads } from './activity-options.js';
import { failure, requireNotCancelled } from './failures.js';
import { BUSY_MOVER_MS, MOVER } from './mover-options.js';
import { ownLane } from './own-lane.js';
import type { RunContext } from './run.js';

/** Time for a mover whose lease was revoked to report and end, in milliseconds. */
const ENDS_WITHIN_MS = 2_000;

/**
 * Runs `MoveLatest` and waits for its end, even if this run is cancelled in the meantime: a pair is never left half moved. It
 * waits for a mover that is running, and starts another one after a terminated one: a rollback goes on, a promotion only restores what is half moved.
 * @param onMoving called with whether the mover is started; from then on an abort comes too late.
 * @param terminateAfterMs time after which a running mover of another run is terminated, in milliseconds; null: it is waited for.
 */
export async function moveLatest(
  run: RunContext,
  input: MoveInput,
  onMoving: (moving: boolean) => void = () => undefined,
  terminateAfterMs: number | null = null,
): Promise<MovedImage[]> {
  const workflowId = moveLatestId(ownLane());
  const busyDeadline = Date.now() + BUSY_MOVER_MS;
  let wasEnded = false;
  for (;;)
    try {
      // An abort can stop the run only before this point: from this workflow task on the move finishes.
      requireNotCancelled();
      onMoving(true);
      return await CancellationScope.nonCancellable(() =>
        executeChild(MoveLatest, {
          ...MOVER,
          workflowId,
          args: [wasEnded ? { ...input, afterEnded: true } : input],
          staticSummary: `${input.kind} to ${shortSha(input.sha)}`,
        }),
      );
    } catch (error) {
      // A terminated mover may have left half of the pair: the move is not over.
      if (!isTerminated(error)) onMoving(false);
      if (error instanceof WorkflowExecutionAlreadyStartedError)
        await (terminateAfterMs === null
          ? awaitMoverEnd(workflowId, busyDeadline)
          : laneCalls(`take over from ${workflowId}`).endMover(Math.max(terminateAfterMs, ENDS_WITHIN_MS)));
      else if (!isTerminated(error)) throw error;
      else if (CancellationScope.current().consideredCancelled) return outcomesAfterTerminate(run, input);
      // The next mover must not report while a write of the terminated one can be in flight.
      else if (terminateAfterMs === null) {
        await CancellationScope.nonCancellable(() => sleep(LEASE_MS, SETTLE));
        if (CancellationScope.current().consideredCancelled) return outcomesAfterTerminate(run, input);
        wasEnded = true;
      } else await laneCalls('confirm that this is the newest rollback').requireLastRollback();
    }
}

const isTerminated = (error: unknown) =>
  error instanceof ChildWorkflowFailure && error.cause instanceof TerminatedFailure;

/** Waits for a mover of another run; a cancel ends the wait, because this run's move has not begun. */
async function awaitMoverEnd(workflowId: string, busyDeadline: number): Promise<void> {
  const leftMs = busyDeadline - Date.now();
  const busy = () =>
    failure('MoveRefused', `${workflowId} has been busy with another move for 25 minutes`, { refusal: 'busy' });
  if (leftMs <= 0) throw busy();
  await follows(leftMs, `wait for the end of ${workflowId}`)
    .awaitClosed({ workflowId })
    .catch((error: unknown) => {
      throw isCancellation(error) ? error : busy();
    });
}

/** Reads the results after the mover was terminated and this run cancelled: nothing continues the move, so the end must name where it stopped. */
function outcomesAfterTerminate({ feed }: RunContext, input: MoveInput): Promise<MovedImage[]> {
  return CancellationScope.nonCancellable(async () => {
    const before = input.images.map(({ repository, from }) => ({ repository, digest: from }));
    return requireMoved(feed, await settled(input, before, () => latestReads('read :latest').whereLatestStands(input)));
  });
}
