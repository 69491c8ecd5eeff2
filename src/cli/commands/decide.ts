import { InvalidInput } from '../../domain/brand.js';
import type { Verb } from '../../domain/hold.js';
import { parseLane, releaseId } from '../../domain/names.js';
import { parseSha } from '../../domain/sha.js';
import { withClient } from '../../temporal/client.js';
import { decide, queryStatus } from '../../temporal/runs.js';
import { type Command, text } from '../command.js';
import { EXIT } from '../exit-codes.js';
import { requester } from '../requester.js';

const verb = (name: Verb, summary: string): Command => ({
  name,
  arguments: '<sha>',
  summary,
  options: [
    { flags: '--reason <text>', description: 'why; kept with the run', required: true },
    { flags: '--hold <id>', description: 'the hold it is for, as status shows it (default: the one that is on)' },
    { flags: '--by <who>', description: 'who says so (default: $GITHUB_ACTOR, else user@host)' },
  ],
  examples: [`canary ${name} 4c1d56e --reason "looked at it"`],
  run: (given, io) => {
    const workflowId = releaseId(parseLane(io.env.CANARY_LANE ?? ''), parseSha(given.args[0]));
    return withClient(io.env, async (client) => {
      const state = await queryStatus(client, workflowId);
      if (state === null)
        throw new InvalidInput(`${workflowId} is not there, or no worker answers for it: canary status`);
      const hold = text(given, 'hold') ?? state.hold?.id;
      const decision = {
        by: requester(given, io),
        reason: text(given, 'reason') ?? '',
        ...(hold !== undefined && { hold }),
      };
      const { taken, answer } = await decide(client, workflowId, name, decision);
      if (taken) io.out(answer);
      else io.err(`canary: ${answer}`);
      return taken ? EXIT.done : EXIT.refused;
    });
  },
});

export const approve = verb('approve', 'Go on with a held release, or promote one that waits for approval.');
export const abort = verb('abort', 'End a release before its move has begun.');
export const retry = verb('retry', 'Try again what a release is held for.');
