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
    return follow(client, handle, given, io, (end) => (isForceable(end) ? forceCommand(input) : null));
  });
}

const isForceable = ({ report }: RunEnd) => report !== null && 'refusal' in report && report.refusal === 'needs-force';

/** Command that forces the refused rollback. */
const forceCommand = ({ sha }: RollbackInput) => `canary rollback ${sha} --force --reason …`;
