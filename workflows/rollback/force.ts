import { setHandler, upsertSearchAttributes } from '@temporalio/workflow';
import type { DecisionInput } from '../../src/contract/hold.js';
import { forceUpdate } from '../../src/contract/messages.js';
import * as attributes from '../../src/contract/search-attributes.js';
import { checkDecision } from '../../src/domain/decide.js';
import { rejection } from '../shared/failures.js';
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
  const force = (sent: unknown): string => {
    const { by, reason } = requireAllowed(sent);
    if (input.force) return `it was forced before by ${input.requestedBy ?? 'unknown'}: ${input.reason}`;
    Object.assign(input, { force: true, requestedBy: by, reason });
    state.why = `${state.why}; forced by ${by}: ${reason}`;
    updateDetails(state);
    upsertSearchAttributes([{ key: attributes.CanaryRequestedBy, value: by }]);
    return 'it is forced from now on';
  };
  setHandler(forceUpdate, force, {
    description: 'Force this rollback, as long as nothing moves: {"by","reason"}',
    // Synchronous: the SDK drops the promise of an asynchronous validator, which then refuses nothing.
    validator: (sent) => void requireAllowed(sent),
  });
}
