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
import { ownLane, type RunContext } from './run.js';

/** Time for a mover whose lease was revoked to end, and to report what it did, in milliseconds. */
const ENDS_WITHIN_MS = 2_000;

/**
 * Has `MoveLatest` move the tag and waits for its end, also when this run is cancelled meanwhile: a pair is never left half
 * moved. A mover that is running is waited for; one that was terminated is started again.
 * @param onMoving called with whether the mover is started, which is when an abort comes too late.
 * @param terminateAfterMs ends a mover that is under way after so long, in milliseconds, when nothing of it can be on its way; else it is waited for.
 */
export async function moveLatest(
  run: RunContext,
  input: MoveInput,
  onMoving: (moving: boolean) => void = () => undefined,
  terminateAfterMs: number | null = null,
): Promise<MovedImage[]> {
  const workflowId = moveLatestId(ownLane());
  const busyDeadline = Date.now() + BUSY_MOVER_MS;
  for (;;)
    try {
      // The last moment for an abort: from this workflow task on the move finishes.
      requireNotCancelled();
      onMoving(true);
      return await CancellationScope.nonCancellable(() =>
        executeChild(MoveLatest, {
          ...MOVER,
          workflowId,
          args: [input],
          staticSummary: `${input.kind} to ${shortSha(input.sha)}`,
        }),
      );
    } catch (error) {
      onMoving(false);
      if (error instanceof WorkflowExecutionAlreadyStartedError)
        await (terminateAfterMs === null
          ? awaitMoverEnd(workflowId, busyDeadline)
          : laneCalls(`take over from ${workflowId}`).endMover(Math.max(terminateAfterMs, ENDS_WITHIN_MS)));
      else if (!isTerminated(error)) throw error;
      else if (CancellationScope.current().consideredCancelled) return outcomesAfterTerminate(run, input);
      // The next one's report says that nothing is on its way any more.
      else if (terminateAfterMs === null) await CancellationScope.nonCancellable(() => sleep(LEASE_MS, SETTLE));
      else await laneCalls('confirm that this is the newest rollback').requireLastRollback();
    }
}

const isTerminated = (error: unknown) =>
  error instanceof ChildWorkflowFailure && error.cause instanceof TerminatedFailure;

/** Nothing of ours has begun yet, so a cancel ends this wait. */
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

/** The mover was terminated and this run is cancelled: nothing goes on, so at least the state that is left gets its name. */
function outcomesAfterTerminate({ feed }: RunContext, input: MoveInput): Promise<MovedImage[]> {
  return CancellationScope.nonCancellable(async () => {
    const before = input.images.map(({ repository, from }) => ({ repository, digest: from }));
    return requireMoved(feed, await settled(input, before, () => latestReads('read :latest').whereLatestStands(input)));
  });
}
