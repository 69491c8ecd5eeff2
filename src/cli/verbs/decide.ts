import { InvalidInput } from '../../domain/brand.js';
import type { Verb } from '../../domain/hold.js';
import { parseLane, releaseId } from '../../domain/names.js';
import { parseSha } from '../../domain/sha.js';
import { withClient } from '../../temporal/client.js';
import { decide, queryStatus } from '../../temporal/runs.js';
import { type Given, type Io, text, wantsJson } from '../command.js';
import { EXIT } from '../exit-codes.js';
import { reasonOf, requester } from '../requester.js';

/** Says `approve`, `abort` or `retry` to a release, and tells its answer. */
export async function decideOn(verb: Verb, given: Given, io: Io): Promise<number> {
  const workflowId = releaseId(parseLane(io.env.CANARY_LANE ?? ''), parseSha(given.args[0]));
  const reason = await reasonOf(given, io);
  return withClient(io.env, async (client) => {
    const state = await queryStatus(client, workflowId);
    if (state === null)
      throw new InvalidInput(`${workflowId} is not there, or no worker answers for it: canary status`);
    const hold = text(given, 'hold') ?? state.hold?.id;
    const decision = { by: requester(given, io), reason, ...(hold !== undefined && { hold }) };
    const { taken, answer } = await decide(client, workflowId, verb, decision);
    if (wantsJson(given)) io.out(JSON.stringify({ taken, answer, ...decision }));
    else if (taken) io.out(answer);
    if (!taken) io.err(`canary: ${answer}`);
    return taken ? EXIT.done : EXIT.refused;
  });
}
