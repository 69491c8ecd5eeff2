import { parseReleaseInput } from '../../domain/inputs.js';
import { withClient } from '../../temporal/connect.js';
import { startRelease } from '../../temporal/start.js';
import {
  BY,
  type Command,
  DRY_RUN,
  FLOOR,
  type Given,
  type Io,
  OUTPUT,
  REASON,
  REGISTRY,
  REPORTS,
  TEMPORAL,
  TIMEOUT,
  textOption,
  yes,
} from '../command.js';
import { identity, laneFrom, reasonOf, tokenOf } from '../identity.js';
import { follow } from '../wait/follow.js';
import { timeoutOf } from '../wait/timeout.js';

export const promote: Command = {
  options: [
    REASON,
    yes(),
    BY,
    {
      flags: '--force',
      description: 'also promote a known-bad build: one that canary rejected, or that was rolled back from',
    },
    FLOOR,
    DRY_RUN,
    TIMEOUT,
    ...OUTPUT,
  ],
  environment: [...TEMPORAL, ...REPORTS, `with --dry-run: ${REGISTRY}`],
  examples: ['canary promote 4c1d56e --reason "hotfix, checked by hand"'],
  run,
};

async function run(given: Given, io: Io): Promise<number> {
  const lane = laneFrom(io);
  timeoutOf(given);
  const requestedBy = identity(given, io);
  const reason = await reasonOf(given, io);
  const input = parseReleaseInput({
    sha: given.args[0],
    promoteOnly: true,
    force: given.options.force,
    requestedBy,
    reason,
    floor: textOption(given, 'floor'),
  });
  if (given.options.dryRun) return (await import('../local/dry-run.js')).dryRunPromotion(lane, input, given, io);
  const token = await tokenOf(io);
  return withClient(io.env, async (client) => {
    const handle = await startRelease(client, lane, input, token);
    io.err(`${handle.workflowId} ${handle.attached ? 'is already running: attached' : 'is started'}`);
    return follow(client, handle, given, io, (end) =>
      end.report?.outcome === 'CanaryBuildBad' ? `canary promote ${input.sha} --force --reason …` : null,
    );
  });
}
