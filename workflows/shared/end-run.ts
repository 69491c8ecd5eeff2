import {
  ApplicationFailure,
  CancellationScope,
  isCancellation,
  upsertSearchAttributes,
  workflowInfo,
} from '@temporalio/workflow';
import { checksWith } from '../../src/contract/check.js';
import type { Revocation } from '../../src/contract/lane.js';
import { areMoved } from '../../src/contract/move.js';
import type { FailureType, ReleaseStatus } from '../../src/contract/release.js';
import * as attributes from '../../src/contract/search-attributes.js';
import { fitNames } from '../../src/domain/fit.js';
import { describeRevocation } from '../../src/lane/queue.js';
import { countEnd } from './events.js';
import { failure, setPhase, unwrapFailure } from './run.js';

/** Ends the run: as the report says, or FAILED with the type and the gist of what stopped it and the report as details. An abort stops what runs. */
export async function endRun<R extends { outcome: string; why: string }>(
  state: ReleaseStatus,
  report: (outcome: R['outcome'], why: string) => R,
  steps: () => Promise<R>,
  scope = new CancellationScope(),
  lost: () => Revocation | undefined = () => undefined,
): Promise<R> {
  try {
    const result = await scope.run(steps);
    close(state, result.outcome, result.why);
    return result;
  } catch (error) {
    // An abort may be what made a step fail.
    const gone = lost();
    if (!abortOf(state) && gone && 'superseded' in gone) {
      const why = describeRevocation(gone);
      close(state, 'superseded', why);
      return report('superseded', why);
    }
    const revoked =
      gone && 'revoked' in gone ? failure(gone.knownBad ? 'CanaryBuildBad' : 'CanaryAborted', gone.revoked) : null;
    const fault = abortOf(state) ?? revoked ?? (isCancellation(error) ? null : unwrapFailure(error));
    if (fault === null) {
      close(state, 'CanaryAborted', 'cancelled');
      throw error;
    }
    const { message } = fault;
    const moved = fault.details?.[0];
    if (areMoved(moved)) state.images = moved;
    const type = fault.type as FailureType;
    close(state, type, message);
    const details = report(type, message);
    throw ApplicationFailure.create({ message: details.why, type, nonRetryable: true, details: [details] });
  }
}

/** Null when it was Temporal's own Cancel. */
function abortOf({ decided }: ReleaseStatus): ApplicationFailure | null {
  return decided?.verb === 'abort' ? failure('CanaryAborted', `aborted by ${decided.by}: ${decided.reason}`) : null;
}

function close(state: ReleaseStatus, outcome: string, why: string): void {
  if (state.hold) upsertSearchAttributes([{ key: attributes.CanaryWaitingFor, value: null }]);
  state.hold = null;
  setPhase(state, 'done', why);
  countEnd(workflowInfo().workflowType, outcome);
  const red = checksWith('fail', state.tenants).map((line) => line.split(': ')[0] ?? '');
  upsertSearchAttributes([
    { key: attributes.CanaryOutcome, value: outcome },
    { key: attributes.CanaryTenantsRed, value: fitNames([...new Set(red)]) },
  ]);
}
