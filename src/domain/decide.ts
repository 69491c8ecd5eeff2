import { shown } from '../contract/brand.js';
import {
  type Decision,
  type DecisionEffect,
  type DecisionInput,
  type DecisionName,
  HOLDS,
  type Hold,
  type HoldName,
  holdRow,
} from '../contract/hold.js';
import type { Person, ReleaseApprovers, VerifiedIdentity } from '../contract/identity.js';
import { approverRefusal, describeApprovers, FORGED_NAME, isForgedName, shownPerson } from './approvers.js';

/** Longest name in a decision, in characters: the run's history and report keep it. */
export const MAX_BY = 200;

/** Longest reason of a decision, in characters. */
export const MAX_REASON = 2_000;
export const TOO_LONG = `by or reason is too long: expected at most ${MAX_BY} and ${MAX_REASON} characters`;

/** State of a run that determines which decisions apply now. */
export interface Decidable {
  phase: string;
  hold: Hold | null;
  /** Decision that ended this hold, or the abort that ends the run. */
  decided: Decision | null;
  /** Whether the mover is started: from then on the move finishes. */
  moving: boolean;
  /** Who may approve; absent: anybody. */
  approvers?: ReleaseApprovers;
}

/**
 * Parses the payload of a decision at `at` (epoch, ms); returns the decision, or why it is refused. It is parsed by hand and never throws: a
 * handler that throws, or a library that changes, would break running releases (docs/protocol.md, Messages that cannot break a run).
 * @param verified identity of who decides; `later`: its token is still to be verified, and the rules about people are checked then.
 */
export function checkDecision(
  verb: DecisionName | 'force',
  sent: unknown,
  now: Decidable,
  at: number,
  verified?: VerifiedIdentity | 'later',
): { decision: DecisionInput } | { refusal: string } {
  const refuse = (refusal: string) => ({ refusal: `${verb} refused: ${refusal}` });
  const example = `{"by":"ada","reason":"looked at it"${now.hold ? `,"hold":"${now.hold.id}"` : ''}}`;
  if (typeof sent !== 'object' || sent === null || Array.isArray(sent))
    return refuse(`its payload is ${shown(sent)}: expected an object, e.g. ${example}`);
  const { by, reason, hold } = sent as Record<string, unknown>;
  if (typeof by !== 'string' || by.trim() === '' || typeof reason !== 'string' || reason.trim() === '')
    return refuse(`it needs by and reason, e.g. ${example}`);
  if (hold !== undefined && hold !== null && typeof hold !== 'string')
    return refuse(`invalid hold ${shown(hold)}: expected its id as text`);
  if (by.length > MAX_BY || reason.length > MAX_REASON) return refuse(TOO_LONG);
  const expired = now.hold !== null && at >= Date.parse(now.hold.until);
  if (expired && verb !== 'abort') return refuse('that hold has expired');
  if (isForgedName(by)) return refuse(FORGED_NAME);
  const person: Person = { by, ...(typeof verified === 'object' && { verified }) };
  const rules = verb === 'approve' && verified !== 'later' ? now.approvers : undefined;
  const why = refusalOf(verb, hold ?? null, now) ?? (rules ? approverRefusal(rules, person) : null);
  if (why !== null) return refuse(why);
  return { decision: { ...person, by: shownPerson(person), reason, ...(typeof hold === 'string' && { hold }) } };
}

function refusalOf(
  verb: DecisionName | 'force',
  holdId: string | null,
  { phase, hold, decided, moving }: Decidable,
): string | null {
  if (moving) return 'the move is under way and finishes; canary rollback moves back';
  if (phase === 'done') return 'it has ended';
  if (decided && (verb !== 'abort' || decided.verb === 'abort'))
    return `${decided.by} already decided: ${decided.verb}`;
  if (holdId !== null && holdId !== hold?.id)
    return hold ? `that hold has ended; the current one is ${hold.id} (${hold.name})` : 'that hold has ended';
  if (verb === 'abort' || verb === 'force') return null;
  if (hold === null) return `the release is not held; it is ${phase}`;
  if (HOLDS[hold.name][verb] === null)
    return `${verb} does not apply to ${hold.name}; ${applicableDecisions(hold.name)}`;
  if (holdId === null && holdRow(hold.name).needsId)
    return `the id of the hold is required: "hold":"${hold.id}" (${hold.name})`;
  return null;
}

/** Effect of a decision that was accepted. */
export function effectOf(verb: DecisionName, hold: Hold | null, run = 'release'): string {
  return (verb === 'abort' ? null : hold && HOLDS[hold.name][verb]) ?? `the ${run} ends`;
}

/** Effect of each decision now, or why it would be refused. */
export function decisionsNow(now: Decidable, run?: string): Record<DecisionName, DecisionEffect> {
  const effect = (verb: DecisionName): DecisionEffect => {
    const refusal = refusalOf(verb, now.hold?.id ?? null, now);
    const who = verb === 'approve' && now.approvers ? describeApprovers(now.approvers) : '';
    return { isAllowed: refusal === null, text: refusal ?? `${effectOf(verb, now.hold, run)}${who && ` (${who})`}` };
  };
  return { approve: effect('approve'), retry: effect('retry'), abort: effect('abort') };
}

/** Decisions that apply to a hold, and their effects, on one line. */
export function applicableDecisions(name: HoldName): string {
  const { approve, retry } = HOLDS[name];
  return [approve && `approve: ${approve}`, retry && `retry: ${retry}`, 'abort: end the release']
    .filter(Boolean)
    .join('; ');
}
