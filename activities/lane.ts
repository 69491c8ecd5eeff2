import { activityInfo, heartbeat, sleep } from '@temporalio/activity';
import { LEASE_MS } from '../src/domain/lane/moves.js';
import { isOlder, keyOf } from '../src/domain/lane/order.js';
import { digestsOfMove } from '../src/domain/lane/rollbacks.js';
import type { Ask, LaneState, Left, RunRef, Standing } from '../src/domain/lane/state.js';
import { turnOf } from '../src/domain/lane/turns.js';
import { isPaused } from '../src/domain/lane/verbs.js';
import { moveLatestId } from '../src/domain/names.js';
import type { Sha } from '../src/domain/sha.js';
import { awaitEnd } from './await-end.js';
import { beating } from './beating.js';
import { elsewhere } from './check-drift.js';
import type { ActivityDependencies } from './index.js';
import { recoverLane } from './recover-lane.js';
import { LOOK_MS } from './waits.js';

/** What runs ask and tell the lane beside waiting, and what the lane itself has done. */
export function createLaneActivities({ client, config, registry, lane: own }: ActivityDependencies) {
  const { lane } = config;
  return {
    /** Whether a run still has its turn. A lane that does not answer is asked again: no word is no no. */
    async confirmTurn(asked: Ask): Promise<Standing> {
      for (let tries = 0; ; tries += 1) {
        const state = await own.state();
        const known = state && (state.holder !== null || turnOf(state, asked) !== null || tries > 4);
        if (state && known) return standingOf(state, asked);
        if (tries % 5 === 0) await own.ask(asked);
        heartbeat();
        await sleep(LOOK_MS);
      }
    },

    /** Where a build was put when it went to `:latest` last; null when the lane does not know, or does not answer. */
    knownBuild: (sha: Sha): Promise<Left[] | null> =>
      beating(async () => {
        for (let tries = 0; tries < 10; tries += 1) {
          const state = await own.state();
          if (state) return digestsOfMove(state, sha);
          await sleep(LOOK_MS);
        }
        return null;
      }),

    /** From now on nothing else moves. Gives for how long something may still be on its way, in milliseconds. */
    announceRollback: (said: Record<string, unknown>): Promise<number> =>
      beating(async () => {
        const run = activityInfo().workflowExecution as RunRef;
        return (await own.update<number | undefined>('begin-rollback', { ...said, ...run })) ?? LEASE_MS;
      }),

    /** Ends the mover of another run that does not end by itself; its lease has run out by then. */
    async endMover(forMs: number): Promise<void> {
      await beating(async () => {
        const handle = client.workflow.getHandle(moveLatestId(lane), undefined, { followRuns: false });
        const ended = await Promise.race([awaitEnd(handle).then(() => true), sleep(forMs).then(() => false)]);
        if (!ended) await handle.terminate('a rollback takes over').catch(() => undefined);
      });
    },

    /** What the last lane that knew anything knew. */
    recoverLane: (): Promise<LaneState | null> => beating(() => recoverLane(client, lane)),

    /** Why `:latest` is not where a move left it; null when it is. */
    reread: (left: Left[]): Promise<string | null> => beating(() => elsewhere(registry, left)),
  };
}

function standingOf(state: LaneState, { runId, sha }: Ask): Standing {
  const { holder, queue, ledger } = state;
  const mine = holder?.runId === runId ? holder : null;
  const next = queue.at(-1);
  const newer = next && isOlder(keyOf(ledger, sha), keyOf(ledger, next.sha)) ? next.sha : null;
  return {
    turn: mine && !mine.lost ? mine.turn : null,
    lost: mine?.lost ?? null,
    hold: ledger.hold,
    pause: isPaused(state, Date.now()) ? ledger.pause : null,
    left: ledger.left?.images ?? [],
    newer,
  };
}
