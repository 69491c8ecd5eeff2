import { upsertMemo, upsertSearchAttributes } from '@temporalio/workflow';
import type { DecisionInput } from '../../src/contract/hold.js';
import { forceUpdate } from '../../src/contract/messages.js';
import * as attributes from '../../src/contract/search-attributes.js';
import { checkDecision } from '../../src/domain/decide.js';
import { MAX_TEXT } from '../../src/domain/inputs.js';
import { rejection } from '../shared/failures.js';
import { onUpdate } from '../shared/handlers.js';
import { updateDetails } from '../shared/run.js';
import type { RollbackRun } from './context.js';

/** Handles `force`: a forced rollback replaces this one until it begins to move. The first person counts. */
export function handleForce(run: RollbackRun): void {
  const { state, input } = run;
  const requireAllowed = (sent: unknown): DecisionInput => {
    const checked = checkDecision('force', sent, state, Date.now());
    if ('refusal' in checked) throw rejection(checked.refusal);
    return checked.decision;
  };
  const force = ({ by, reason: given }: DecisionInput): string => {
    // A decision may be longer than what a rollback is started with, and the lane refuses more than that.
    const reason = given.trim().slice(0, MAX_TEXT);
    if (input.force) return `it was forced before by ${input.requestedBy ?? 'unknown'}: ${input.reason}`;
    Object.assign(input, { force: true, requestedBy: by, reason });
    state.why = `${state.why}; forced by ${by}: ${reason}`;
    updateDetails(state);
    // By this the lane knows that its announcement is forced in earnest.
    upsertMemo({ forced: { by, reason } });
    upsertSearchAttributes([{ key: attributes.CanaryRequestedBy, value: by }]);
    return 'it is forced from now on';
  };
  onUpdate(forceUpdate, requireAllowed, force, 'Force this rollback, as long as nothing moves: {"by","reason"}');
}
