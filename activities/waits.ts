import { heartbeat, sleep } from '@temporalio/activity';
import type { Client } from '@temporalio/client';
import type { Ask, LaneState, RunRef, Turn } from '../src/domain/lane/state.js';
import { turnOf } from '../src/domain/lane/turns.js';
import { isPaused } from '../src/domain/lane/verbs.js';
import type { LaneClient } from '../src/temporal/lane-client.js';
import { awaitEnd } from './await-end.js';
import { beating } from './beating.js';

/** Between two looks at the lane, in milliseconds. */
export const LOOK_MS = 400;

/** What only waits, for as long as it takes. On a queue of its own: it takes nobody's slots, and a worker that stops hands it on at once. */
export function createWaitActivities(client: Client, lane: LaneClient) {
  /** Looks at the lane until `look` has found something. */
  const watch = async <T>(look: (state: LaneState) => T | null, before?: () => Promise<void>): Promise<T> => {
    for (;;) {
      await before?.();
      const state = await lane.state();
      const found = state && look(state);
      if (found !== null) return found;
      heartbeat();
      await sleep(LOOK_MS);
    }
  };
  return {
    /** Waits for the turn of this run, however often the lane is terminated meanwhile. */
    async awaitTurn(asked: Ask): Promise<Turn> {
      let askedLane = '';
      return watch(
        (state) => turnOf(state, asked),
        async () => {
          const open = await lane.openRun();
          if (open !== null && open === askedLane) return;
          // A lane that is another run than the one that was asked may never have heard of us.
          await lane.ask(asked);
          askedLane = (await lane.openRun()) ?? '';
        },
      );
    },

    /** Waits until the lane is not paused. */
    async awaitResume(): Promise<void> {
      await watch((state) => (isPaused(state, Date.now()) ? null : true));
    },

    /** Waits for the end of a run, however it ends; without its run id for that of the one that is open. */
    awaitClosed: ({ workflowId, runId }: Pick<RunRef, 'workflowId'> & Partial<RunRef>): Promise<void> =>
      beating(() => awaitEnd(client.workflow.getHandle(workflowId, runId, { followRuns: false }))),
  };
}
