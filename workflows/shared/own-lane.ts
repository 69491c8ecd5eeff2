import { workflowInfo } from '@temporalio/workflow';
import { type Lane, laneOf } from '../../src/contract/ids.js';
import { failure } from './failures.js';

/** Lane of this run. A run whose id is not one of a gate ends as `ConfigInvalid`: any other error would fail its task for ever. */
export function ownLane(): Lane {
  try {
    return laneOf(workflowInfo().workflowId);
  } catch (error) {
    throw failure('ConfigInvalid', error instanceof Error ? error.message : String(error));
  }
}

/** Lane of a run whose workflow id is fixed; one that was started under another id ends as `ConfigInvalid`. */
export function requireId(idOf: (lane: Lane) => string): Lane {
  const lane = ownLane();
  const [id, own] = [idOf(lane), workflowInfo().workflowId];
  if (own !== id)
    throw failure(
      'ConfigInvalid',
      `workflow id ${own} is not that of a ${workflowInfo().workflowType} (expected ${id})`,
    );
  return lane;
}
