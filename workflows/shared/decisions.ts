import type { DecisionInput, DecisionName } from '../../src/contract/hold.js';
import { DECISIONS, statusQuery } from '../../src/contract/messages.js';
import { checkDecision, decisionsNow, effectOf } from '../../src/domain/decide.js';
import { rejection } from './failures.js';
import { onQuery, onSignal, onUpdate } from './handlers.js';
import { type RunContext, updateDetails } from './run.js';

/** Most refusals of signals that `status` shows. */
const SHOWN_REFUSALS = 10;
/** Most decisions that a run keeps: a client in a loop must not fill its history. */
const KEPT_DECISIONS = 50;

/** Handles decisions: all of a release, `abort` of a rollback. Handlers only record and, for an abort, cancel; the phases act. */
export function handleDecisions(run: RunContext, kind: 'release' | 'rollback' = 'release'): void {
  const { state, feed } = run;
  const take = (verb: DecisionName, decision: DecisionInput): string => {
    const { hold } = state;
    const { by, reason } = decision;
    state.decided = { ...decision, verb, at: new Date().toISOString(), ...(hold && { holdName: hold.name }) };
    state.decisions = [...state.decisions, state.decided].slice(-KEPT_DECISIONS);
    feed.emit({ type: 'decided', decision: verb, by, reason, ...(hold && { hold: hold.name }) });
    updateDetails(state);
    if (verb === 'abort') {
      run.end = { outcome: 'CanaryAborted', why: `aborted by ${by}: ${reason}` };
      run.scope.cancel();
    }
    return `${verb} accepted: ${effectOf(verb, hold, kind)}`;
  };
  onQuery(
    statusQuery,
    () => ({ ...state, verbs: decisionsNow(state, kind) }),
    'The phase of the run, why, and what each decision would do now',
  );
  for (const verb of kind === 'rollback' ? (['abort'] as const) : (Object.keys(DECISIONS) as DecisionName[])) {
    const { update, signal, description } = DECISIONS[verb];
    const check = (sent: unknown) => checkDecision(verb, sent, state, Date.now());
    const requireAllowed = (sent: unknown): DecisionInput => {
      const checked = check(sent);
      if ('refusal' in checked) throw rejection(checked.refusal);
      return checked.decision;
    };
    onUpdate(update, requireAllowed, (decision) => take(verb, decision), description);
    const takeOrNote = (checked: ReturnType<typeof check>) => {
      if ('decision' in checked) take(verb, checked.decision);
      else {
        state.refusals = [...state.refusals, checked.refusal].slice(-SHOWN_REFUSALS);
        updateDetails(state);
      }
    };
    onSignal(signal, check, takeOrNote, description);
  }
}
