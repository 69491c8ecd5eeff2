import { CancellationScope } from '@temporalio/workflow';
import type { FailureType } from '../src/contract/failures.js';
import { rollbackId } from '../src/contract/ids.js';
import type { RollbackOutcome, RollbackReport } from '../src/contract/release.js';
import { parseRollbackInput, takeToken } from '../src/domain/inputs.js';
import { identify, reportedRequester } from './identity/verify.js';
import { announcing } from './rollback/announcing.js';
import type { Phase, PhaseName, RollbackRun } from './rollback/context.js';
import { handleForce } from './rollback/force.js';
import { promoting } from './rollback/promoting.js';
import { resolving } from './rollback/resolving.js';
import { handleDecisions } from './shared/decisions.js';
import { endRun } from './shared/end-run.js';
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
    await runPhases(PHASES, 'resolving', run);
  });
}
