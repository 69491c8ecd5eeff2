import { patched } from '@temporalio/workflow';
import type { HeldFor, Holder, LaneRequest, LaneState, RunRef } from '../../src/contract/lane.js';
import { inOrder, preemptedBy } from '../../src/lane/queue.js';
import { laneCalls } from '../shared/activity-options.js';

/** Number of waiting releases above which the lane looks them up: any client may send requests of runs that do not exist. */
const LOOK_UP_FROM = 20;

/** Look-ups of releases that wait. Those that are no running releases of this gate leave the queue. */
export interface QueueLookUps {
  /** Looks up the runs of a long queue, each once; says whether a look-up is under way: until then no one gets the lane. */
  isUnderWay(): boolean;
  /** Whether the holder may be preempted now. Both are looked up right before: a release that ended while it waited preempts no other, and the report that a hold has ended may be lost. */
  mayPreempt(): boolean;
}

/** @param settle called after each look-up. */
export function queueLookUps(state: LaneState, settle: () => void): QueueLookUps {
  const seen = new Set<string>();
  let isLooking = false;
  /** Who may preempt which hold; only while the lane settles what the look-up has found. */
  let confirmed: { next: LaneRequest | undefined; heldFor: HeldFor | undefined } | null = null;
  const lookUp = async (waiting: LaneRequest[], held?: Holder) => {
    isLooking = true;
    const [next, heldFor] = [waiting[0], held?.heldFor];
    const runs: (RunRef & Partial<HeldFor>)[] = waiting.map(({ workflowId, runId }) => ({ workflowId, runId }));
    if (held && heldFor) runs.push({ workflowId: held.workflowId, runId: held.runId, hold: heldFor.hold });
    const gone = await laneCalls('look up the releases that wait', '15s')
      .findGone(runs)
      // A look-up that fails stops no release.
      .catch((): string[] => []);
    for (const { runId } of waiting) seen.add(runId);
    if (held && held.heldFor === heldFor && gone.includes(held.runId)) delete held.heldFor;
    state.queue = state.queue.filter(({ runId }) => !gone.includes(runId));
    isLooking = false;
    confirmed = { next, heldFor };
    settle();
    confirmed = null;
  };
  return {
    isUnderWay() {
      const unseen = state.queue.filter(({ runId }) => !seen.has(runId));
      if (!isLooking && unseen.length > 0 && state.queue.length > LOOK_UP_FROM) void lookUp(unseen);
      return isLooking;
    },
    mayPreempt() {
      const [next] = inOrder(state.queue);
      const { holder } = state;
      if (!next || !holder || holder.heldFor?.yields || preemptedBy(state, Date.now()) === null) return true;
      if (!patched('preemption-looked-up')) return true;
      if (confirmed?.next === next && confirmed.heldFor === holder.heldFor) return true;
      if (!isLooking) void lookUp([next], holder);
      return false;
    },
  };
}
