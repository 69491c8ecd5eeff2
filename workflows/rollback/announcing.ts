import { isCancellation } from '@temporalio/workflow';
import { laneCalls } from '../shared/activity-options.js';
import { failure } from '../shared/failures.js';
import { setPhase } from '../shared/run.js';
import { goOnWithoutLane, nullIfUnanswered, type RollbackRun } from './context.js';

/** Longest wait for the lane before a rollback goes on without it; and for one without a person, which looks at `:latest` too and never does. */
const [ANNOUNCING, BY_POLICY] = ['15s', '1m'] as const;

/** Announces the rollback to the lane, so that nothing else moves. It does not wait for a lane that does not answer. */
export async function announcing(run: RollbackRun): Promise<'promoting'> {
  setPhase(run, 'announcing', `nothing else may move from now on; waits up to ${ANNOUNCING} for the lane`);
  const images = run.pinned.map(({ repository, digest }) => ({ repository, digest }));
  for (let isCurrent = false; !isCurrent; ) {
    const { sha, reason, force = false, requestedBy: by = 'unknown', onlyFrom } = run.input;
    const isOfPolicy = onlyFrom !== undefined && !force;
    const calls = laneCalls('announce the rollback to the lane', isOfPolicy ? BY_POLICY : ANNOUNCING);
    run.leaseMs = await calls
      .announceRollback({ sha, force, by, reason, images, ...(isOfPolicy && { onlyFrom }) })
      .catch((error: unknown) => {
        // Forced since: what the lane refused may no longer be refused.
        if (run.input.force && !force && !isCancellation(error)) return null;
        if (isOfPolicy) throw error;
        return nullIfUnanswered(error);
      });
    isCurrent = force || !run.input.force;
  }
  if (run.leaseMs === null && run.input.onlyFrom && !run.input.force)
    throw failure('MoveRefused', 'no automatic rollback without an answer of the lane', {
      refusal: 'lane-unavailable',
    });
  if (run.leaseMs === null) goOnWithoutLane(run);
  return 'promoting';
}
