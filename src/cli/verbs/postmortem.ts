import { InvalidInput } from '../../contract/brand.js';
import { rollbackId } from '../../contract/ids.js';
import { parseSha } from '../../contract/sha.js';
import { renderPostmortem } from '../../report/postmortem.js';
import { withClient } from '../../temporal/connect.js';
import { incidents } from '../../temporal/incident.js';
import { lastEnded, readRun } from '../../temporal/run-record.js';
import type { Given, Io } from '../command.js';
import { EXIT } from '../exit-codes.js';
import { laneFrom, reportLinks } from '../requester.js';

/** Prints what is known; the questions stay open. */
export function postmortem(given: Given, io: Io): Promise<number> {
  const lane = laneFrom(io);
  const workflowId = rollbackId(lane, parseSha(given.args[0]));
  return withClient(io.env, async (client) => {
    const last = await readRun(client, workflowId);
    if (last === null)
      throw new InvalidInput(`there is no run ${workflowId}: give the build that was rolled back TO (canary status)`);
    const { didAnything, read } = await incidents(client, lane);
    // Who says it twice finds nothing to do; what is asked about is the time before.
    const rollback = didAnything(last) ? last : await lastEnded(client, workflowId, didAnything);
    if (rollback === null)
      throw new InvalidInput(`${workflowId} moved nothing (${last.outcome}): canary report ${last.sha} --rollback`);
    if (rollback !== last)
      io.err(
        `${workflowId} moved nothing the last time (${last.outcome}): this is the one that ended ${rollback.ended}`,
      );
    io.out(renderPostmortem(await read(rollback), reportLinks(io)).trimEnd());
    return EXIT.done;
  });
}
