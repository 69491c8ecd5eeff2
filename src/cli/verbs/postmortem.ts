import { InvalidInput } from '../../domain/brand.js';
import { parseLane, rollbackId } from '../../domain/names.js';
import { parseSha } from '../../domain/sha.js';
import { movedAny, renderPostmortem } from '../../report/postmortem.js';
import { withClient } from '../../temporal/client.js';
import { readRun, whatWasLive } from '../../temporal/run-record.js';
import type { Given, Io } from '../command.js';
import { EXIT } from '../exit-codes.js';
import { reportLinks } from '../requester.js';

/** Prints what is known; the questions stay open. */
export function postmortem(given: Given, io: Io): Promise<number> {
  const workflowId = rollbackId(parseLane(io.env.CANARY_LANE ?? ''), parseSha(given.args[0]));
  return withClient(io.env, async (client) => {
    const rollback = await readRun(client, workflowId);
    if (rollback === null)
      throw new InvalidInput(`there is no run ${workflowId}: give the build that was rolled back TO (canary status)`);
    if (!movedAny(rollback))
      throw new InvalidInput(
        `${workflowId} moved nothing (${rollback.outcome}): canary report ${rollback.sha} --rollback`,
      );
    io.out(renderPostmortem(rollback, await whatWasLive(client, rollback), reportLinks(io)).trimEnd());
    return EXIT.done;
  });
}
