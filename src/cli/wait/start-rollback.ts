import type { Lane } from '../../contract/ids.js';
import type { RollbackInput } from '../../contract/release.js';
import { withClient } from '../../temporal/connect.js';
import type { RunEnd } from '../../temporal/runs.js';
import { startRollback } from '../../temporal/start.js';
import type { Given, Io } from '../command.js';
import { EXIT } from '../exit-codes.js';
import { tokenOf } from '../identity.js';
import { follow } from './follow.js';

/** Starts a rollback, or attaches to the one that runs, and waits for its end unless told not to. */
export async function startAndFollow(lane: Lane, input: RollbackInput, given: Given, io: Io): Promise<number> {
  const token = await tokenOf(io);
  return withClient(io.env, async (client) => {
    const handle = await startRollback(client, lane, input, token);
    const { workflowId, attached, forced } = handle;
    if (!attached) io.err(`${workflowId} is started`);
    else io.err(`${workflowId} is already running: attached${forced === undefined ? '' : `; ${forced}`}`);
    if (given.options.wait === false) return EXIT.done;
    return follow(client, handle, given, io, (end) => adviceAfter(end, input));
  });
}

/** What may be done about a refused rollback; null if nothing can. */
export function adviceAfter({ report }: Pick<RunEnd, 'report'>, { sha }: Pick<RollbackInput, 'sha'>): string | null {
  if (report === null || !('refusal' in report)) return null;
  if (report.refusal === 'needs-force') return `canary rollback ${sha} --force --reason …`;
  // This command was attached to the run of the policy, and what a person moved stops that alone.
  if (report.onlyFrom === undefined || report.force) return null;
  return `canary rollback ${sha} --reason …   that was the automatic rollback; one that you begin goes on`;
}
