import type { Client } from '@temporalio/client';
import { InvalidInput } from '../../contract/brand.js';
import type { DecisionName, Hold } from '../../contract/hold.js';
import { type Lane, parseRunId, releaseId, rollbackId, taskQueue } from '../../contract/ids.js';
import type { ReleaseStatus } from '../../contract/release.js';
import { parseSha, type Sha } from '../../contract/sha.js';
import { withClient } from '../../temporal/connect.js';
import { troubleOf } from '../../temporal/records/trouble.js';
import { awaitRunEnd, findRun, isOpen, outcomeOfRun, queryStatus, sendDecision } from '../../temporal/runs.js';
import { withToken } from '../../temporal/start.js';
import { BY, type Command, type Given, type Io, OUTPUT, REASON, TEMPORAL, textOption, yes } from '../command.js';
import { EXIT } from '../exit-codes.js';
import { identity, laneFrom, reasonOf, tokenOf } from '../identity.js';
import { printAnswer } from '../print/answer.js';

const decisionCommand = (verb: DecisionName, more: Command['options'] = []): Command => ({
  options: [
    REASON,
    yes(),
    { flags: '--hold <id>', description: 'the hold it is for, as status shows it (default: the current one)' },
    ...more,
    BY,
    ...OUTPUT,
  ],
  environment: [...TEMPORAL],
  examples: [`canary ${verb} 4c1d56e --reason "looked at it"`],
  run: (given, io) => decide(verb, given, io),
});

export const approve = decisionCommand('approve');
export const abort = decisionCommand('abort', [
  { flags: '--rollback', description: 'the rollback to the build, even if a release of it runs' },
]);
export const retry = decisionCommand('retry');

/** Sends a decision to a release, or an abort to a rollback, and prints the answer. The hold is printed first, and the decision is for that hold alone. */
function decide(verb: DecisionName, given: Given, io: Io): Promise<number> {
  const lane = laneFrom(io);
  const sha = parseSha(given.args[0]);
  const refuse = (answer: string, decision = {}) => printAnswer({ taken: false, answer }, decision, given, io);
  return withClient(io.env, async (client) => {
    const { run, workflowId, ended } = await runToDecide(client, lane, sha, verb, given);
    if (ended !== null) return refuse(`${verb} refused: ${ended}`);
    const state = await queryStatus(client, workflowId);
    const trouble = state === null ? await troubleOf(client, run) : null;
    if (trouble) {
      io.err(`canary: ${workflowId} ${trouble.what}, so it takes no ${verb} (fix: ${trouble.fix})`);
      return EXIT.fault;
    }
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
      return refuse(`${verb} refused: ${state.commands?.[verb].text ?? 'the release is not held'}`, { by, reason });
    const decision = { by, reason, ...(hold !== undefined && { hold }) };
    const sent = withToken(decision, verb === 'approve' ? await tokenOf(io) : null);
    return printAnswer(await sendDecision(client, workflowId, verb, sent), decision, given, io);
  });
}

/** The run that a decision is for, and how it ended, if it has: the release, and for an abort also the rollback to the build.
 * @throws {InvalidInput} if there is no such run. */
async function runToDecide(client: Client, lane: Lane, sha: Sha, verb: DecisionName, { options }: Given) {
  const ids = [
    ...(options.rollback === true ? [] : [releaseId(lane, sha)]),
    ...(verb === 'abort' ? [rollbackId(lane, sha)] : []),
  ];
  const found = (await Promise.all(ids.map((id) => findRun(client, id)))).filter((run) => run !== null);
  const run = found.find(isOpen) ?? found[0];
  if (run === undefined)
    throw new InvalidInput(
      `no run ${ids.join(' or ')}: it was never started, or its retention has passed (canary status)`,
    );
  const { workflowId, runId } = run;
  if (isOpen(run)) return { run, workflowId, ended: null };
  const outcome = outcomeOfRun(await awaitRunEnd(client.workflow.getHandle(workflowId, runId)));
  const kind = parseRunId(workflowId).isRollback ? 'rollback' : 'release';
  return {
    run,
    workflowId,
    ended: `the ${kind} has ended: ${outcome} (canary report ${sha}${kind === 'rollback' ? ' --rollback' : ''})`,
  };
}

function holdLine(
  workflowId: string,
  verb: DecisionName,
  { id, name, why }: Hold,
  { commands }: ReleaseStatus,
): string {
  return `${workflowId} is held: ${id} (${name}): ${why}; ${verb}: ${commands?.[verb].text ?? 'unknown'}`;
}
