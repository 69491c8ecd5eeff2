import { WORKFLOWS } from '../../src/contract/ids.js';
import { MoveRefusal } from '../../src/move/write-lease.js';
import type { WaitActivities } from '../queues.js';
import { events } from './readers.js';
import type { Borders } from './with-borders.js';

const { release, rollback, move, lane, watch } = WORKFLOWS;

/** Border of `publish`, which is on two queues. */
export const publish: Borders<Pick<WaitActivities, 'publish'>>['publish'] = {
  from: [release, rollback, move, lane, watch],
  args: [events],
  check: (_worker, { type, workflowId }, sent) => {
    const foreign = sent.find((event) => event.workflow !== type || event.workflowId !== workflowId);
    if (foreign)
      throw new MoveRefusal('foreign', `${workflowId} tells events of its own, not of ${foreign.workflowId}`);
  },
};
