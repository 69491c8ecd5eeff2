import { ApplicationFailure, isCancellation } from '@temporalio/workflow';
import { endEvent } from '../../src/contract/events.js';
import { FAILURE_TYPES, type FailureType } from '../../src/contract/failures.js';
import { areMoved, refusedMove } from '../../src/contract/move.js';
import type { RunOutcome } from '../../src/contract/release.js';
import * as attributes from '../../src/contract/search-attributes.js';
import { tenantsWith } from '../../src/contract/tenants/check.js';
import { fitNames } from '../../src/domain/fit.js';
import { unwrapFailure } from './failures.js';
import { type RunContext, type RunEnd, setPhase } from './run.js';

/** Ends the run with `run.end`, or else with the failure or the cancel that stopped it. The details of a failure are the report. */
export async function endRun<O extends RunOutcome, R extends { why: string }>(
  run: RunContext,
  report: (outcome: O | FailureType, why: string) => R,
  phases: () => Promise<void>,
): Promise<R> {
  let cancel: unknown;
  try {
    await run.scope.run(phases);
  } catch (error) {
    if (run.end === null) {
      if (isCancellation(error)) cancel = error;
      run.end = isCancellation(error) ? { outcome: 'CanaryAborted', why: 'cancelled' } : endOfFailure(error);
    }
  }
  const { outcome, details } = run.end as RunEnd;
  const refusal = refusedMove(details?.[0])?.refusal;
  const why = `${(run.end as RunEnd).why}${refusal === 'needs-force' ? NEEDS_FORCE : ''}`;
  if (areMoved(details?.[0])) run.state.images = details[0];
  await close(run, outcome, why);
  if (cancel !== undefined) throw cancel;
  if (!(outcome in FAILURE_TYPES)) return report(outcome as O, why);
  const failed = { ...report(outcome as FailureType, why), ...(refusal && { refusal }) };
  throw ApplicationFailure.create({ message: failed.why, type: outcome, nonRetryable: true, details: [failed] });
}

/** Fix for a rollback that needs `force`. */
const NEEDS_FORCE = ' (nothing moved; with force it is carried out)';

function endOfFailure(error: unknown): RunEnd {
  const { type, message, details } = unwrapFailure(error);
  return { outcome: type as FailureType, why: message, ...(details && { details }) };
}

async function close(run: RunContext, outcome: string, why: string): Promise<void> {
  const { state, feed } = run;
  const red = tenantsWith('fail', state.tenants);
  const wasHeld = state.hold !== null;
  state.hold = null;
  setPhase(run, 'done', why, undefined, [
    ...(wasHeld ? [{ key: attributes.CanaryWaitingFor, value: null }] : []),
    { key: attributes.CanaryOutcome, value: outcome },
    { key: attributes.CanaryTenantsRed, value: run.plan?.hidesTenants ? [] : fitNames(red) },
  ]);
  feed.emit(endEvent(outcome, why, state));
  await feed.flush();
}
