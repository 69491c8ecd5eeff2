import { condition, setHandler, upsertSearchAttributes, uuid4 } from '@temporalio/workflow';
import type { Decision, DecisionInput, Hold, HoldName, Verb } from '../../src/contract/hold.js';
import type { Pause } from '../../src/contract/lane.js';
import { statusQuery, VERBS } from '../../src/contract/messages.js';
import { CanaryWaitingFor } from '../../src/contract/search-attributes.js';
import { checkDecision, decisionsNow, effectOf } from '../../src/domain/decide.js';
import type { RunContext } from '../release/context.js';
import { reportHold } from '../turn.js';
import { laneWaits } from './activity-options.js';
import { countHold } from './events.js';
import { failure, rejection, requireNotCancelled, setPhase, updateDetails } from './run.js';

/** Refusals that `status` still shows. */
const SHOWN_REFUSALS = 10;
/** Decisions and refusals of a run are few; somebody's loop is not to fill its history's last page. */
const KEPT_DECISIONS = 50;

/** Takes decisions from now on; handlers only record, the main function acts. */
export function handleDecisions(desk: RunContext): void {
  const { state } = desk;
  const take = (verb: Verb, decision: DecisionInput): string => {
    const { hold } = state;
    state.decided = { ...decision, verb, at: new Date().toISOString(), ...(hold && { holdName: hold.name }) };
    state.decisions = [...state.decisions, state.decided].slice(-KEPT_DECISIONS);
    updateDetails(state);
    if (verb === 'abort') desk.onAbort();
    return `${verb} taken: ${effectOf(verb, hold)}`;
  };
  setHandler(statusQuery, () => ({ ...state, verbs: decisionsNow(state) }), {
    description: 'Where it stands, why, and what each verb would do now',
  });
  for (const verb of Object.keys(VERBS) as Verb[]) {
    const { update, signal, description } = VERBS[verb];
    const judge = (sent: unknown) => checkDecision(verb, sent, state, Date.now());
    setHandler(
      update,
      (sent) => {
        const judged = judge(sent);
        if ('refusal' in judged) throw rejection(judged.refusal);
        return take(verb, judged.decision);
      },
      {
        description,
        // Synchronous: the SDK drops the promise of an asynchronous one, which then refuses nothing.
        validator(sent) {
          const judged = judge(sent);
          if ('refusal' in judged) throw rejection(judged.refusal);
        },
      },
    );
    setHandler(
      signal,
      (sent) => {
        const judged = judge(sent);
        if ('decision' in judged) take(verb, judged.decision);
        else {
          state.refusals = [...state.refusals, judged.refusal].slice(-SHOWN_REFUSALS);
          updateDetails(state);
        }
      },
      { description },
    );
  }
}

/**
 * Waits for a human. Nothing is remembered from before, and a decision is for this hold alone.
 * @returns what was decided; an abort ends the run instead.
 * @throws `CanaryHoldExpired` when nobody decided in time.
 */
export async function holdFor(desk: RunContext, name: HoldName, why: string): Promise<Decision> {
  const { state, holdTimeoutMs } = desk;
  // An abort that came with the very fault, or verdict, that leads here.
  requireNotCancelled();
  desk.holds += 1;
  const since = Date.now();
  const hold: Hold = {
    // Random, and anew after a reset: a decision for this run is none for the next one of the same build.
    id: `h${desk.holds}-${uuid4().slice(0, 6)}`,
    name,
    why,
    since: new Date(since).toISOString(),
    until: new Date(since + holdTimeoutMs).toISOString(),
  };
  state.hold = hold;
  state.decided = null;
  const isForPeople = name === 'approval' || name === 'after-rollback';
  const phase = isForPeople ? 'awaiting-approval' : 'held';
  setPhase(state, phase, `${name}: ${why}`, holdTimeoutMs);
  upsertSearchAttributes([{ key: CanaryWaitingFor, value: name }]);
  countHold(name);
  // Beside the timer, which starts now.
  const told = reportHold({ hold: name, preemptibleAt: isForPeople ? since + desk.holdGraceMs : since });
  const inTime = await condition(() => state.decided !== null, holdTimeoutMs, { summary: `held: ${name}` });
  await told;
  const decided = state.decided as Decision | null;
  state.hold = null;
  upsertSearchAttributes([{ key: CanaryWaitingFor, value: null }]);
  await reportHold(null);
  if (!inTime || decided === null) throw failure('CanaryHoldExpired', `${name}: ${why}; nobody decided`);
  if (decided.verb !== 'abort') state.decided = null;
  return decided;
}

/** Waits while the lane is paused: `resume` ends it, nothing else but an abort. */
export async function pausedFor(desk: RunContext, { why, by, since }: Pause): Promise<void> {
  requireNotCancelled();
  setPhase(desk.state, 'held', `paused: ${why} (${by}, since ${since}). canary resume ends it; abort: end the release`);
  upsertSearchAttributes([{ key: CanaryWaitingFor, value: 'paused' }]);
  // It is GREEN, and waits only for people.
  const told = reportHold({ hold: 'paused', preemptibleAt: Date.now() + desk.holdGraceMs });
  await laneWaits('wait for resume').awaitResume();
  await told;
  await reportHold(null);
  upsertSearchAttributes([{ key: CanaryWaitingFor, value: null }]);
}
