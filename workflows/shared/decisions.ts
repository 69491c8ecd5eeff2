import type { DecisionInput, DecisionName } from '../../src/contract/hold.js';
import type { VerifiedIdentity } from '../../src/contract/identity.js';
import { DECISIONS, statusQuery } from '../../src/contract/messages.js';
import { checkDecision, decisionsNow, effectOf } from '../../src/domain/decide.js';
import { takeToken } from '../../src/domain/inputs.js';
import { verifyToken } from '../identity/verify.js';
import { rejection, unwrapFailure } from './failures.js';
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
  const note = (refusal: string) => {
    state.refusals = [...state.refusals, refusal].slice(-SHOWN_REFUSALS);
    updateDetails(state);
  };
  onQuery(
    statusQuery,
    () => ({ ...state, commands: decisionsNow(state, kind) }),
    'The phase of the run, why, and what each decision would do now',
  );
  for (const verb of kind === 'rollback' ? (['abort'] as const) : (Object.keys(DECISIONS) as DecisionName[])) {
    const { update, signal, description } = DECISIONS[verb];
    const check = (sent: unknown, verified?: VerifiedIdentity | 'later'): DecisionInput => {
      const checked = checkDecision(verb, sent, state, Date.now(), verified);
      if ('refusal' in checked) throw rejection(checked.refusal);
      return checked.decision;
    };
    const { parse, act } = withIdentity(verb, check, (decision) => take(verb, decision), '2m');
    onUpdate(update, parse, act, description);
    const noteRefusal = (error: unknown) => note(unwrapFailure(error).message);
    const takeOrNote = (sent: unknown) => {
      try {
        const taken = act(parse(sent));
        return taken instanceof Promise ? taken.catch(noteRefusal) : taken;
      } catch (error) {
        return noteRefusal(error);
      }
    };
    onSignal(
      signal,
      (sent) => ({ sent }),
      ({ sent }) => takeOrNote(sent),
      description,
    );
  }
}

/** Decision that was parsed, and the token to verify before it is taken. */
interface Given {
  decision: DecisionInput;
  rest: unknown;
  token: string | null;
}

/**
 * Parser and handler of a decision that may come with a token: it is verified first, and then the decision is checked again, because the run
 * has gone on. Only what needs a person's identity waits for it.
 */
export function withIdentity(
  verb: DecisionName | 'force',
  check: (sent: unknown, verified?: VerifiedIdentity | 'later') => DecisionInput,
  take: (decision: DecisionInput) => string,
  within: '2m' | '15s',
) {
  const isIdentified = verb === 'approve' || verb === 'force';
  return {
    parse(sent: unknown): Given {
      const { token: given, rest } = takeToken(sent);
      const token = isIdentified ? given : null;
      return { decision: check(rest, token === null ? undefined : 'later'), rest, token };
    },
    act({ decision, rest, token }: Given): string | Promise<string> {
      if (token === null) return take(decision);
      return verifyToken(token, within).then((result) => {
        if ('refusal' in result) throw rejection(`${verb} refused: ${result.refusal}`);
        return take(check(rest, result.verified));
      });
    },
  };
}
