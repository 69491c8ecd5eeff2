import { activityInfo, cancellationSignal, heartbeat, sleep } from '@temporalio/activity';
import { type Client, WorkflowNotFoundError } from '@temporalio/client';
import { isOlder, keyOf } from '../src/domain/lane/order.js';
import type { Ask, LaneState, Left, RunRef, Standing, Turn } from '../src/domain/lane/state.js';
import { isPaused } from '../src/domain/lane/verbs.js';
import { type Lane, moveLatestId, releaseLaneId } from '../src/domain/names.js';
import { observeLatest } from '../src/move/observe.js';
import type { Registry } from '../src/registry/registry.js';
import { laneClient } from '../src/temporal/lane-client.js';
import { awaitEnd } from './await-end.js';
import { beating } from './beating.js';

/** Between two looks at the lane, in milliseconds. */
const LOOK_MS = 400;

/** The one activity of the queue on which runs wait: nothing else may take its slots, and it takes nobody's. */
export function createWaitActivities(client: Client, lane: Lane) {
  const own = laneClient(client, lane);
  return {
    /** Waits for the turn of this run, however often the lane is terminated meanwhile. */
    async awaitTurn(asked: Ask): Promise<Turn> {
      for (let askedLane = ''; ; ) {
        const open = await runIdOf(client, lane);
        // A lane that is another run than the one that was asked may never have heard of us.
        if (open === null || open !== askedLane) {
          await own.ask(asked);
          askedLane = (await runIdOf(client, lane)) ?? '';
        }
        const state = await own.state();
        const turn = state && turnOf(state, asked.runId);
        if (turn) return turn;
        heartbeat();
        await sleep(LOOK_MS);
      }
    },
  };
}

/** What runs ask and tell the lane beside waiting, and what the lane itself has done. */
export function createLaneActivities(client: Client, lane: Lane, registry: Registry) {
  const own = laneClient(client, lane);
  return {
    /** Whether a run still has its turn. A lane that does not answer is asked again: no word is no no. */
    async confirmTurn(asked: Ask): Promise<Standing> {
      for (let tries = 0; ; tries += 1) {
        const state = await own.state();
        const known = state && (state.holder !== null || turnOf(state, asked.runId) !== null || tries > 4);
        if (state && known) return standingOf(state, asked);
        if (tries % 5 === 0) await own.ask(asked);
        heartbeat();
        await sleep(LOOK_MS);
      }
    },

    /** Waits until the lane is not paused. */
    async awaitResume(): Promise<void> {
      for (;;) {
        const state = await own.state();
        if (state && !isPaused(state, Date.now())) return;
        heartbeat();
        await sleep(LOOK_MS);
      }
    },

    announceRollback: (said: Record<string, unknown>): Promise<void> =>
      beating(async () => {
        const run = activityInfo().workflowExecution as RunRef;
        await own.update('begin-rollback', { ...said, ...run });
      }),

    /** Ends the mover of another run that does not end by itself; its lease has run out by then. */
    async endMover(forMs: number): Promise<void> {
      await beating(async () => {
        const handle = client.workflow.getHandle(moveLatestId(lane), undefined, { followRuns: false });
        const ended = await Promise.race([
          awaitEnd(client, handle, cancellationSignal()).then(() => true),
          sleep(forMs).then(() => false),
        ]);
        if (!ended) await handle.terminate('a rollback takes over').catch(() => undefined);
      });
    },

    /** What the last lane that knew anything knew. */
    recoverLane: (): Promise<LaneState | null> => beating(() => recover(client, lane)),

    /** Waits for the end of a run, however it ends. */
    awaitClosed: ({ workflowId, runId }: RunRef): Promise<void> =>
      beating(() =>
        awaitEnd(client, client.workflow.getHandle(workflowId, runId, { followRuns: false }), cancellationSignal()),
      ),

    awaitMoverClosed: (runId: string): Promise<void> =>
      beating(() =>
        awaitEnd(
          client,
          client.workflow.getHandle(moveLatestId(lane), runId, { followRuns: false }),
          cancellationSignal(),
        ),
      ),

    /** Why `:latest` is not where a move left it; null when it is. */
    reread: (left: Left[]): Promise<string | null> =>
      beating(async () => {
        const now = await observeLatest(
          registry,
          left.map(({ repository }) => repository),
          { signal: cancellationSignal(), tolerant: true },
        );
        const other = now.find(({ digest }, index) => digest !== left[index]?.digest);
        return other
          ? `${other.repository}:latest stands at ${other.digest ?? 'nothing'}, the last move left it elsewhere`
          : null;
      }),
  };
}

function turnOf(state: LaneState, runId: string): Turn | null {
  if (state.holder?.runId === runId) return { turn: state.holder.turn };
  const answer = state.answers.findLast((one) => one.runId === runId);
  if (!answer) return null;
  return 'bad' in answer ? { bad: answer.bad } : { superseded: answer.superseded };
}

function standingOf(state: LaneState, { runId, sha }: Ask): Standing {
  const { holder, queue, ledger } = state;
  const mine = holder?.runId === runId && !holder.revoked;
  const next = queue.at(-1);
  const newer = next && isOlder(keyOf(ledger, sha), keyOf(ledger, next.sha)) ? next.sha : null;
  return {
    turn: mine ? holder.turn : null,
    hold: ledger.hold,
    pause: isPaused(state, Date.now()) ? ledger.pause : null,
    newer,
  };
}

async function runIdOf(client: Client, lane: Lane): Promise<string | null> {
  try {
    const { runId, status } = await client.workflow.getHandle(releaseLaneId(lane)).describe();
    return status.name === 'RUNNING' ? runId : null;
  } catch (error) {
    if (error instanceof WorkflowNotFoundError) return null;
    throw error;
  }
}

/** Visibility lags: it is looked at once this very run is listed, and no other one as running. */
async function recover(client: Client, lane: Lane): Promise<LaneState | null> {
  const { workflowExecution } = activityInfo();
  const runs: { runId: string; status: string; startTime: Date }[] = [];
  for (;;) {
    runs.length = 0;
    for await (const run of client.workflow.list({ query: `WorkflowId = '${releaseLaneId(lane)}'` }))
      runs.push({ runId: run.runId, status: run.status.name, startTime: run.startTime });
    const isListed = runs.some(({ runId }) => runId === workflowExecution?.runId);
    const other = runs.some(({ runId, status }) => status === 'RUNNING' && runId !== workflowExecution?.runId);
    if (isListed && !other) break;
    heartbeat();
    await sleep(200);
  }
  const closed = runs
    .filter(({ runId }) => runId !== workflowExecution?.runId)
    .sort((a, b) => b.startTime.getTime() - a.startTime.getTime());
  for (const { runId } of closed) {
    const handle = client.workflow.getHandle(releaseLaneId(lane), runId);
    const state = await client
      .withDeadline(Date.now() + 10_000, () => handle.query<LaneState | null>('lane'))
      .catch(() => null);
    if (state) return state;
  }
  return null;
}
