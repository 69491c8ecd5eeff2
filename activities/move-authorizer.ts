import { setTimeout as delay } from 'node:timers/promises';
import { type Client, WorkflowNotFoundError } from '@temporalio/client';
import type { MoveQuestion, RunPosition, RunRef } from '../src/contract/lane.js';
import { authorizeMoveUpdate, beginRollbackUpdate } from '../src/contract/messages.js';
import type { MoveInput } from '../src/contract/move.js';
import { type LeaseAnswer, type MoveAuthorizer, MoveRefusal } from '../src/move/write-lease.js';
import { type LaneClient, LaneRefused } from '../src/temporal/lane-client.js';
import { isOpen } from '../src/temporal/runs.js';

/** Attempt of the moving activity that requests a write lease. */
export interface Mover extends RunRef {
  activityId: string;
  attempt: number;
  /** Time that is never after Temporal's, epoch in milliseconds: in doubt a move was lately. */
  clock: () => number;
}

/** Creates the authorizer of a mover; `parent` is null if a person started the mover. */
export type AuthorizerFor = (mover: Mover, parent: RunRef | null, input: MoveInput) => MoveAuthorizer;

/** Time-out of one request to Temporal, in milliseconds; then it is retried. */
const REQUEST_TIMEOUT_MS = 5_000;
const RETRY_MS = 200;

/**
 * Authorizer that asks the lane. Only the current attempt may write: a worker frozen past its heartbeat time-out could otherwise wake up and
 * undo the move of its successor. The parent of a promotion must be RUNNING until its mover has begun; from then on the move finishes anyway.
 */
export function laneAuthorizer(client: Client, lane: LaneClient, silenceMs: number): AuthorizerFor {
  return (mover, parent, input) => ({
    async authorize({ begun, latest }) {
      if (parent === null)
        throw new MoveRefusal('not-running', 'no parent: a release or a rollback starts a move, not a person');
      const question: MoveQuestion = { moverRunId: mover.runId, parent, input, begun, latest };
      try {
        if (input.laneUnavailable) {
          await requireCurrentAttempt(client, mover, silenceMs);
          // A parent that has ended must not announce a rollback.
          if (!begun) await requireRunning(client, parent, silenceMs);
          return await announceAndRequest(lane, question);
        }
        // Requests run in parallel, because a slow answer shortens the lease.
        const [answer] = await Promise.all([
          requireLease(lane, question, silenceMs),
          requireCurrentAttempt(client, mover, silenceMs),
          begun ? undefined : requireRunning(client, parent, silenceMs),
        ]);
        return answer;
      } catch (error) {
        // A move that has begun is not given up: the next attempt continues it.
        if (begun || !(error instanceof TemporalUnavailable)) throw error;
        throw new MoveRefusal('lane-unavailable', error.message);
      }
    },
    async movedWithin(ms) {
      if (input.laneUnavailable) return true;
      const { expectedAt } = await positionOf(lane, mover, silenceMs).catch((error: unknown) => {
        throw error instanceof TemporalUnavailable ? new MoveRefusal('lane-unavailable', error.message) : error;
      });
      return expectedAt !== null && mover.clock() - expectedAt < ms;
    },
  });
}

/** Authorizer of the tag that the canary tenants follow: only the holder of the lane, or without one the announced rollback, may point it. */
export function canaryTagAuthorizer(lane: LaneClient, run: RunRef, silenceMs: number): MoveAuthorizer {
  return {
    async authorize() {
      const { ownsCanaryTag } = await positionOf(lane, run, silenceMs);
      if (!ownsCanaryTag) throw new MoveRefusal('not-holder', `${run.workflowId} does not hold the canary fleet`);
      return 'granted';
    },
    movedWithin: async () => true,
  };
}

/** The position of a run in the lane. One that a person ended is started again: this may be the first to notice. */
const positionOf = (lane: LaneClient, { runId }: RunRef, silenceMs: number): Promise<RunPosition> =>
  answer(silenceMs, async () => {
    const position = await lane.position({ runId });
    if (position !== null) return position;
    await lane.begin();
    throw new Error('no answer');
  });

/** Error if Temporal did not answer in time. */
class TemporalUnavailable extends Error {
  override readonly name = 'TemporalUnavailable';
}

async function requireLease(lane: LaneClient, question: MoveQuestion, silenceMs: number): Promise<LeaseAnswer> {
  const decision = await answer(silenceMs, () => lane.update(authorizeMoveUpdate, question));
  if (decision.decision === 'deny') throw new MoveRefusal(decision.refusal, decision.message, decision.latest);
  return decision.decision === 'allow' ? 'granted' : 'retry';
}

/** Announces a rollback that the lane did not answer before, and requests a lease: a lane that answers again decides. */
async function announceAndRequest(lane: LaneClient, question: MoveQuestion): Promise<LeaseAnswer> {
  const { sha, by, claimedBy = by, reason, force = false } = question.input;
  try {
    const announcement = { ...question.parent, sha, by: claimedBy, reason, force };
    await answer(0, () => lane.update(beginRollbackUpdate, announcement));
    return await requireLease(lane, question, 0);
  } catch (error) {
    if (error instanceof TemporalUnavailable) return 'lane-unavailable';
    // The lane is back, and says no: that is no failed write, which would be repeated.
    throw error instanceof LaneRefused ? new MoveRefusal(error.refusal ?? 'not-announced', error.message) : error;
  }
}

async function requireRunning(client: Client, { workflowId, runId }: RunRef, silenceMs: number, isMover = false) {
  const refuse = (status: string) =>
    new MoveRefusal('not-running', `${workflowId} is ${status.toLowerCase()}: it no longer moves anything`);
  const execution = await answer(silenceMs, () =>
    client.withDeadline(Date.now() + REQUEST_TIMEOUT_MS, () => client.workflow.getHandle(workflowId, runId).describe()),
  ).catch((error: unknown) => {
    throw error instanceof WorkflowNotFoundError ? refuse('gone') : error;
  });
  // A mover that was paused finishes the pair that it began; a parent that was paused begins nothing.
  if (!isOpen(execution) || (execution.status.name === 'PAUSED' && !isMover)) throw refuse(execution.status.name);
  return execution;
}

async function requireCurrentAttempt(client: Client, mover: Mover, silenceMs: number): Promise<void> {
  const { raw } = await requireRunning(client, mover, silenceMs, true);
  const pending = raw.pendingActivities?.find(({ activityId }) => activityId === mover.activityId);
  if (pending?.attempt !== mover.attempt)
    throw new MoveRefusal(
      'not-running',
      `attempt ${mover.attempt} of ${mover.workflowId} has ended; the current attempt is ${pending?.attempt ?? 'none'}`,
    );
}

/** Retries a request until it is answered, for at most `silenceMs` milliseconds. */
async function answer<T>(silenceMs: number, ask: () => Promise<T>): Promise<T> {
  for (const deadline = performance.now() + silenceMs; ; await delay(RETRY_MS))
    try {
      return await ask();
    } catch (error) {
      if (error instanceof WorkflowNotFoundError || error instanceof LaneRefused) throw error;
      if (performance.now() >= deadline)
        throw new TemporalUnavailable(
          `Temporal did not answer within ${silenceMs / 1000} s whether the move is allowed: ${error}`,
        );
    }
}
