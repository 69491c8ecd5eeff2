import type { Client } from '@temporalio/client';
import { InvalidInput } from '../../contract/brand.js';
import type { DecisionName, Hold } from '../../contract/hold.js';
import { type Lane, releaseId, taskQueue } from '../../contract/ids.js';
import type { ReleaseStatus } from '../../contract/release.js';
import { parseSha, type Sha } from '../../contract/sha.js';
import { logLine } from '../../report/annotations.js';
import { withClient } from '../../temporal/connect.js';
import { awaitRunEnd, findRun, outcomeOfRun, queryStatus, sendDecision } from '../../temporal/runs.js';
import { BY, type Command, type Given, type Io, OUTPUT, REASON, TEMPORAL, textOption, yes } from '../command.js';
import { EXIT } from '../exit-codes.js';
import { identity, laneFrom, reasonOf } from '../identity.js';
import { printAnswer } from '../print/answer.js';

const decisionCommand = (verb: DecisionName): Command => ({
  options: [
    REASON,
    yes(),
    { flags: '--hold <id>', description: 'the hold it is for, as status shows it (default: the current one)' },
    BY,
    ...OUTPUT,
  ],
  environment: [...TEMPORAL],
  examples: [`canary ${verb} 4c1d56e --reason "looked at it"`],
  run: (given, io) => decide(verb, given, io),
});

export const approve = decisionCommand('approve');
export const abort = decisionCommand('abort');
export const retry = decisionCommand('retry');

/** Sends a decision to a release and prints the answer. The hold is printed first, and the decision is for that hold alone. */
function decide(verb: DecisionName, given: Given, io: Io): Promise<number> {
  const lane = laneFrom(io);
  const sha = parseSha(given.args[0]);
  const workflowId = releaseId(lane, sha);
  const refuse = (answer: string, decision = {}) => printAnswer({ taken: false, answer }, decision, given, io);
  return withClient(io.env, async (client) => {
    const ended = await endedOutcome(client, lane, sha);
    if (ended !== null) return refuse(`${verb} refused: the release has ended: ${ended} (canary report ${sha})`);
    const state = await queryStatus(client, workflowId);
    if (state === null) {
      io.err(
        `canary: ${workflowId} is running, but no worker on ${taskQueue(lane)} answers: start one (canary worker), then ${verb} again`,
      );
      return EXIT.fault;
    }
    const named = textOption(given, 'hold');
    if (named === undefined && state.hold) io.err(holdLine(workflowId, verb, state.hold, state));
    const hold = named ?? state.hold?.id;
    const by = identity(given, io);
    const reason = await reasonOf(given, io);
    // Sent without a hold, it would count for an approval that came up after the hold was printed.
    if (hold === undefined && verb !== 'abort')
      return refuse(`${verb} refused: ${state.verbs?.[verb].text ?? 'the release is not held'}`, { by, reason });
    const decision = { by, reason, ...(hold !== undefined && { hold }) };
    return printAnswer(await sendDecision(client, workflowId, verb, decision), decision, given, io);
  });
}

/** The outcome of a release that has ended; null for a running one.
 * @throws {InvalidInput} if there is no such release. */
async function endedOutcome(client: Client, lane: Lane, sha: Sha): Promise<string | null> {
  const workflowId = releaseId(lane, sha);
  const run = await findRun(client, workflowId);
  if (run === null)
    throw new InvalidInput(`no run ${workflowId}: it was never started, or its retention has passed (canary status)`);
  if (run.status.name === 'RUNNING') return null;
  return outcomeOfRun(await awaitRunEnd(client.workflow.getHandle(workflowId, run.runId)));
}

function holdLine(workflowId: string, verb: DecisionName, { id, name, why }: Hold, { verbs }: ReleaseStatus): string {
  return logLine(`${workflowId} is held: ${id} (${name}): ${why}; ${verb}: ${verbs?.[verb].text ?? 'unknown'}`);
}
