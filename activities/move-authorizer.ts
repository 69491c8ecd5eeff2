import { setTimeout as delay } from 'node:timers/promises';
import { type Client, WorkflowNotFoundError } from '@temporalio/client';
import type { MoveQuestion, RunRef, RunStanding } from '../src/contract/lane.js';
import { authorizeMoveUpdate, beginRollbackUpdate } from '../src/contract/messages.js';
import type { MoveInput } from '../src/contract/move.js';
import { type LeaseAnswer, type MoveAuthorizer, MoveRefusal } from '../src/move/write-lease.js';
import { type LaneClient, LaneRefused } from '../src/temporal/lane-client.js';

/** The try of the moving activity that asks. */
export interface Mover extends RunRef {
  activityId: string;
  attempt: number;
}

/** A mover asks in its own name and its parent's; one that was started by hand has none. */
export type AuthorizerFor = (mover: Mover, parent: RunRef | null, input: MoveInput) => MoveAuthorizer;

/** One question to Temporal, in milliseconds; a longer answer is asked for again. */
const REQUEST_TIMEOUT_MS = 5_000;
const RETRY_MS = 200;

/**
 * The lane decides, and only the current attempt may write: a worker frozen past its heartbeat timeout could otherwise wake up and undo what
 * its successor moved. The parent of a promotion must be RUNNING; once its mover has begun, it may be gone, and the pair is finished anyway.
 */
export function laneAuthorizer(client: Client, lane: LaneClient, silenceMs: number): AuthorizerFor {
  return (mover, parent, input) => ({
    async authorize({ begun, latest }) {
      if (parent === null)
        throw new MoveRefusal('not-running', 'no parent: a release or a rollback starts a move, not a person');
      const question: MoveQuestion = { moverRunId: mover.runId, parent, input, latest };
      try {
        if (input.laneUnheard) {
          await requireCurrentAttempt(client, mover, silenceMs);
          // A parent that is gone announces nothing.
          if (!begun) await requireRunning(client, parent, silenceMs);
          return await announceAndRequest(lane, question);
        }
        // At the same time: a slow answer ages the lease.
        const [answer] = await Promise.all([
          requireLease(lane, question, silenceMs),
          requireCurrentAttempt(client, mover, silenceMs),
          begun ? undefined : requireRunning(client, parent, silenceMs),
        ]);
        return answer;
      } catch (error) {
        // A pair that has begun is not given up for that: the next try goes on with it.
        if (begun || !(error instanceof TemporalUnavailable)) throw error;
        throw new MoveRefusal('lane-unavailable', error.message);
      }
    },
    async movedWithin(ms) {
      if (input.laneUnheard) return true;
      const { expectedAt } = await standingOf(lane, mover, silenceMs);
      return expectedAt !== null && Date.now() - expectedAt < ms;
    },
  });
}

/** Lets the holder of the lane, or without one the announced rollback, point the tag that the canary tenants follow. */
export function canaryTagAuthorizer(lane: LaneClient, run: RunRef, silenceMs: number): MoveAuthorizer {
  return {
    async authorize() {
      const { ownsCanaryTag } = await standingOf(lane, run, silenceMs);
      if (!ownsCanaryTag) throw new MoveRefusal('not-holder', `${run.workflowId} does not hold the canary fleet`);
      return 'granted';
    },
    movedWithin: async () => true,
  };
}

const standingOf = (lane: LaneClient, { runId }: RunRef, silenceMs: number): Promise<RunStanding> =>
  answer(silenceMs, async () => (await lane.standing({ runId })) ?? Promise.reject(new Error('no answer')));

/** Temporal did not answer for as long as we wait. */
class TemporalUnavailable extends Error {
  override readonly name = 'TemporalUnavailable';
}

async function requireLease(lane: LaneClient, question: MoveQuestion, silenceMs: number): Promise<LeaseAnswer> {
  const decision = await answer(silenceMs, () => lane.update(authorizeMoveUpdate, question));
  if (decision.decision === 'deny') throw new MoveRefusal(decision.refusal, decision.message, decision.latest);
  return decision.decision === 'allow' ? 'granted' : 'retry';
}

/** For a forced rollback that the lane did not hear of in time: a lane that answers again decides, once it knows of it. */
async function announceAndRequest(lane: LaneClient, question: MoveQuestion): Promise<LeaseAnswer> {
  const { sha, by, reason } = question.input;
  try {
    await answer(0, () => lane.update(beginRollbackUpdate, { ...question.parent, sha, by, reason, force: true }));
    return await requireLease(lane, question, 0);
  } catch (error) {
    if (error instanceof TemporalUnavailable) return 'unheard';
    throw error;
  }
}

async function requireRunning(client: Client, { workflowId, runId }: RunRef, silenceMs: number) {
  const refuse = (status: string) =>
    new MoveRefusal('not-running', `${workflowId} is ${status.toLowerCase()}: it no longer moves anything`);
  const execution = await answer(silenceMs, () =>
    client.withDeadline(Date.now() + REQUEST_TIMEOUT_MS, () => client.workflow.getHandle(workflowId, runId).describe()),
  ).catch((error: unknown) => {
    throw error instanceof WorkflowNotFoundError ? refuse('gone') : error;
  });
  if (execution.status.name !== 'RUNNING') throw refuse(execution.status.name);
  return execution;
}

async function requireCurrentAttempt(client: Client, mover: Mover, silenceMs: number): Promise<void> {
  const { raw } = await requireRunning(client, mover, silenceMs);
  const pending = raw.pendingActivities?.find(({ activityId }) => activityId === mover.activityId);
  if (pending?.attempt !== mover.attempt)
    throw new MoveRefusal(
      'not-running',
      `try ${mover.attempt} of ${mover.workflowId} is over: try ${pending?.attempt ?? 'none'} has taken over`,
    );
}

/** Asks until there is an answer, or there was none for `silenceMs` milliseconds. */
async function answer<T>(silenceMs: number, ask: () => Promise<T>): Promise<T> {
  for (const deadline = Date.now() + silenceMs; ; await delay(RETRY_MS))
    try {
      return await ask();
    } catch (error) {
      if (error instanceof WorkflowNotFoundError || error instanceof LaneRefused) throw error;
      if (Date.now() >= deadline)
        throw new TemporalUnavailable(
          `Temporal did not say within ${silenceMs / 1000} s whether the move is allowed: ${error}`,
        );
    }
}
