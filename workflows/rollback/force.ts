import { upsertMemo, upsertSearchAttributes } from '@temporalio/workflow';
import type { DecisionInput } from '../../src/contract/hold.js';
import type { VerifiedIdentity } from '../../src/contract/identity.js';
import { forceUpdate } from '../../src/contract/messages.js';
import * as attributes from '../../src/contract/search-attributes.js';
import { unverified } from '../../src/domain/approvers.js';
import { checkDecision } from '../../src/domain/decide.js';
import { MAX_TEXT } from '../../src/domain/inputs.js';
import { fieldsOf } from '../../src/domain/payloads/fields.js';
import { requesterOf } from '../identity/verify.js';
import { withIdentity } from '../shared/decisions.js';
import { rejection } from '../shared/failures.js';
import { onUpdate } from '../shared/handlers.js';
import { updateDetails } from '../shared/run.js';
import type { RollbackRun } from './context.js';

/** Handles `force`: a forced rollback replaces this one until it begins to move. The first person counts. */
export function handleForce(run: RollbackRun): void {
  const { state, input } = run;
  const check = (sent: unknown, verified?: VerifiedIdentity | 'later'): DecisionInput => {
    const checked = checkDecision('force', sent, state, Date.now(), verified);
    if ('refusal' in checked) throw rejection(checked.refusal);
    // A name that is only claimed does not take the place of a verified identity.
    if (run.verified && verified === undefined) throw rejection(`force refused: ${unverified('rollback')}`);
    return { ...checked.decision, by: fieldsOf(sent).by as string };
  };
  const force = ({ by, reason: given, verified }: DecisionInput): string => {
    // A decision may be longer than what a rollback is started with, and the lane refuses more than that.
    const reason = given.trim().slice(0, MAX_TEXT);
    if (input.force) return `it was forced before by ${requesterOf(run) ?? 'unknown'}: ${input.reason}`;
    Object.assign(input, { force: true, requestedBy: by, reason });
    run.verified = verified ?? null;
    const who = requesterOf(run) ?? 'unknown';
    state.why = `${state.why}; forced by ${who}: ${reason}`;
    updateDetails(state);
    // By this the lane knows that its announcement is forced in earnest.
    upsertMemo({ forced: { by, reason } });
    upsertSearchAttributes([{ key: attributes.CanaryRequestedBy, value: who }]);
    return 'it is forced from now on';
  };
  const { parse, act } = withIdentity('force', check, force, '15s');
  onUpdate(forceUpdate, parse, act, 'Force this rollback, as long as nothing moves: {"by","reason"}');
}
