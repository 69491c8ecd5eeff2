import { CancellationScope, isCancellation } from '@temporalio/workflow';
import type { FailureType } from '../src/contract/failures.js';
import { rollbackId } from '../src/contract/ids.js';
import type { RollbackOutcome, RollbackReport } from '../src/contract/release.js';
import { shortSha } from '../src/contract/sha.js';
import { parseRollbackInput, takeToken } from '../src/domain/inputs.js';
import { identify, reportedRequester } from './identity/verify.js';
import { announcing } from './rollback/announcing.js';
import type { Phase, PhaseName, RollbackRun } from './rollback/context.js';
import { handleForce } from './rollback/force.js';
import { promoting } from './rollback/promoting.js';
import { resolving } from './rollback/resolving.js';
import { handleDecisions } from './shared/decisions.js';
import { endRun } from './shared/end-run.js';
import { alarm } from './shared/events.js';
import { unwrapFailure } from './shared/failures.js';
import { beginRun, readInput, runPhases, timesOf } from './shared/run.js';

/** Phases of a rollback: each does its work and names the next. */
const PHASES: Record<PhaseName, Phase> = { resolving, announcing, promoting };

/** Moves `:latest` of all images back to a build that is complete in each repository. */
export async function Rollback(typed: unknown): Promise<RollbackReport> {
  const { token, rest } = takeToken(typed);
  const input = readInput(() => parseRollbackInput(rest), rollbackId);
  const run: RollbackRun = {
    ...beginRun(input, 'resolving', new CancellationScope()),
    input,
    pinned: [],
    leaseMs: 0,
    verified: null,
    notVerified: null,
  };
  handleDecisions(run, 'rollback');
  handleForce(run);
  const report = (outcome: RollbackOutcome | FailureType, why: string): RollbackReport => {
    const { images, laneUnavailable, warnings, notMoved } = run.state;
    return {
      ...input,
      ...reportedRequester(run),
      outcome,
      why,
      images,
      ...(laneUnavailable && { laneUnavailable }),
      ...(warnings && { warnings }),
      ...(notMoved && { notMoved }),
      ...timesOf(run.state),
    };
  };
  return endRun(run, report, async () => {
    run.notVerified = await identify(run, token, '15s');
    await runPhases(PHASES, 'resolving', run).catch((error: unknown) => {
      alarmOfPolicy(run, error);
      throw error;
    });
  });
}

/** Tells that a rollback without a person, which an alarm has announced, did not go through. A person who forced or aborted it knows. */
function alarmOfPolicy({ input: { sha, onlyFrom, force }, feed }: RollbackRun, error: unknown): void {
  if (onlyFrom === undefined || force || isCancellation(error)) return;
  const why = `automatic rollback to ${shortSha(sha)} has failed: ${unwrapFailure(error).message}`;
  alarm(feed, 'production-red', { why: `${shortSha(onlyFrom)}: ${why}` });
}
