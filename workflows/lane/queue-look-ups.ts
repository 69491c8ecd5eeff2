import type { LaneState } from '../../src/contract/lane.js';
import { laneCalls } from '../shared/activity-options.js';

/** Number of waiting releases above which the lane looks them up: any client may send requests of runs that do not exist. */
const LOOK_UP_FROM = 20;

/**
 * Looks up the runs of a long queue, each once, and removes those that are no running releases.
 * @returns a function that begins a look-up if one is due, and says whether one is under way: until then no one gets the lane.
 */
export function queueLookUps(state: LaneState, settle: () => void): () => boolean {
  const seen = new Set<string>();
  let isLooking = false;
  return () => {
    const unseen = state.queue.filter(({ runId }) => !seen.has(runId));
    if (isLooking || unseen.length === 0 || state.queue.length <= LOOK_UP_FROM) return isLooking;
    isLooking = true;
    const runs = unseen.map(({ workflowId, runId }) => ({ workflowId, runId }));
    laneCalls('look up the releases that wait', '15s')
      .findGone(runs)
      // A look-up that fails stops no release.
      .catch((): string[] => [])
      .then((gone) => {
        for (const { runId } of runs) seen.add(runId);
        state.queue = state.queue.filter(({ runId }) => !gone.includes(runId));
        isLooking = false;
        settle();
      });
    return isLooking;
  };
}
