import { activityInfo, log } from '@temporalio/activity';
import type { Client } from '@temporalio/client';
import type { MovedImage, MoveInput, ObservedImage } from '../src/domain/move.js';
import { allMoved, MoveRefusal, moveTags } from '../src/move/move-tags.js';
import type { Registry } from '../src/registry/request.js';
import { beating } from './beating.js';

/** The run that started the mover. */
export interface MoveParent {
  workflowId: string;
  runId: string;
}

/** Says whether a move may go out now.
 * @throws {MoveRefusal} when it may not. */
export type AuthorizeMove = (parent: MoveParent) => Promise<void>;

/** The rule until the lane gives its word: the run that started the mover is still running. */
export function authorizeByParent(client: Client): AuthorizeMove {
  return async ({ workflowId, runId }) => {
    const { status } = await client.workflow.getHandle(workflowId, runId).describe();
    if (status.name !== 'RUNNING')
      throw new MoveRefusal(`${workflowId} is ${status.name.toLowerCase()}: it moves nothing any more`);
  };
}

export function createMoveActivities(registry: Registry, authorize: AuthorizeMove) {
  return {
    /** The one write: `:latest` of all images, together. */
    async moveTags(input: MoveInput, observed: ObservedImage[], parent: MoveParent | null): Promise<MovedImage[]> {
      if (parent === null)
        throw new MoveRefusal('no parent: a move is started by a release or a rollback, not by hand');
      const images = await beating(() => moveTags(registry, input, observed, () => authorize(parent)));
      // The audit trail that outlives Temporal's retention.
      const { sha, kind, by, reason } = input;
      const run = activityInfo().workflowExecution;
      log[allMoved(images) ? 'info' : 'error']('latest.moved', {
        event: 'latest.moved',
        kind,
        sha,
        by,
        reason,
        images,
        parent,
        run,
      });
      return images;
    },
  };
}
