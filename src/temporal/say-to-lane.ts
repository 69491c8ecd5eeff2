import { type Client, isGrpcDeadlineError, WorkflowUpdateRPCTimeoutOrCancelledError } from '@temporalio/client';
import { type Lane, releaseLaneId, taskQueue } from '../domain/names.js';
import { LaneRefused, laneClient } from './lane-client.js';
import { LANE_SAYS_NOTHING } from './lane-now.js';
import { workersOn } from './pollers.js';

/** Says something to the lane and gives back its answer, taken or refused.
 * @throws when nobody is there, or nobody in time, to have it answer. */
export async function sayToLane(
  client: Client,
  lane: Lane,
  verb: string,
  said: object,
): Promise<{ taken: boolean; answer: string }> {
  const [name, queue] = [releaseLaneId(lane), taskQueue(lane)];
  if ((await workersOn(client, queue)).length === 0)
    throw new Error(`no worker polls ${queue}, so ${name} cannot answer: canary worker`);
  try {
    return { taken: true, answer: await laneClient(client, lane).update<string>(verb, said) };
  } catch (error) {
    if (error instanceof LaneRefused) return { taken: false, answer: error.message };
    if (!isLate(error)) throw error;
    // A worker that has just gone is listed for minutes.
    throw new Error(LANE_SAYS_NOTHING.silent, { cause: error });
  }
}

const isLate = (error: unknown) =>
  error instanceof WorkflowUpdateRPCTimeoutOrCancelledError ||
  (error instanceof Error && isGrpcDeadlineError(error.cause));
