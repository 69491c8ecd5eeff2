import { shown } from '../contract/brand.js';
import {
  type Decision,
  type DecisionEffect,
  type DecisionInput,
  HOLDS,
  type Hold,
  type HoldName,
  holdRow,
  type Verb,
} from '../contract/hold.js';

/** Kept with the run for ever, and in its report: short enough for both. */
export const MAX_BY = 200;

export const MAX_REASON = 2_000;

/** What a run looks at to say whether a verb makes sense now. */
export interface Decidable {
  phase: string;
  hold: Hold | null;
  /** The verb that ended this hold, or the abort that ends the run. */
  decided: Decision | null;
  /** The mover is started: from here on the move finishes. */
  moving: boolean;
}

/**
 * Parses the payload of a decision at `at` (epoch, ms), and says why it is refused, if it is. By hand and total: a handler that throws, or a
 * library that changes, would break running releases (docs/protocol.md, Messages that cannot break a run).
 */
export function checkDecision(
  verb: Verb,
  sent: unknown,
  now: Decidable,
  at: number,
): { decision: DecisionInput } | { refusal: string } {
  const refuse = (refusal: string) => ({ refusal: `${verb} refused: ${refusal}` });
  const example = `{"by":"ada","reason":"looked at it"${now.hold ? `,"hold":"${now.hold.id}"` : ''}}`;
  if (typeof sent !== 'object' || sent === null || Array.isArray(sent))
    return refuse(`it comes with ${shown(sent)}, not with ${example}`);
  const { by, reason, hold } = sent as Record<string, unknown>;
  if (typeof by !== 'string' || by.trim() === '' || typeof reason !== 'string' || reason.trim() === '')
    return refuse(`it needs by and reason, e.g. ${example}`);
  if (hold !== undefined && hold !== null && typeof hold !== 'string')
    return refuse(`hold is ${shown(hold)}, not a text`);
  if (by.length > MAX_BY || reason.length > MAX_REASON)
    return refuse(`by is longer than ${MAX_BY} characters or reason than ${MAX_REASON}`);
  const expired = now.hold !== null && at >= Date.parse(now.hold.until);
  if (expired && verb !== 'abort') return refuse('that hold has expired');
  const why = refusalOf(verb, hold ?? null, now);
  return why === null ? { decision: { by, reason, ...(typeof hold === 'string' && { hold }) } } : refuse(why);
}

function refusalOf(verb: Verb, holdId: string | null, { phase, hold, decided, moving }: Decidable): string | null {
  if (moving) return 'the move is under way and finishes; then roll back';
  if (phase === 'done') return 'the release has ended';
  if (decided && (verb !== 'abort' || decided.verb === 'abort')) return `${decided.by} said ${decided.verb} before`;
  if (holdId !== null && holdId !== hold?.id)
    return hold ? `that hold is over; now it is ${hold.id} (${hold.name})` : 'that hold is over';
  if (verb === 'abort') return null;
  if (hold === null) return `nothing waits for it; the release is ${phase}`;
  if (HOLDS[hold.name][verb] === null)
    return `${verb} does not apply to ${hold.name}; ${applicableDecisions(hold.name)}`;
  if (holdId === null && holdRow(hold.name).needsId)
    return `say which hold it is for: "hold":"${hold.id}" (${hold.name})`;
  return null;
}

/** What a verb does that is taken. */
export function effectOf(verb: Verb, hold: Hold | null): string {
  return (verb === 'abort' ? null : hold && HOLDS[hold.name][verb]) ?? 'the release ends';
}

/** What each decision would do now, or why it would be refused. */
export function decisionsNow(now: Decidable): Record<Verb, DecisionEffect> {
  const effect = (verb: Verb): DecisionEffect => {
    const refusal = refusalOf(verb, now.hold?.id ?? null, now);
    return { isAllowed: refusal === null, text: refusal ?? effectOf(verb, now.hold) };
  };
  return { approve: effect('approve'), retry: effect('retry'), abort: effect('abort') };
}

/** What each verb would do in this hold, a line. */
export function applicableDecisions(name: HoldName): string {
  const { approve, retry } = HOLDS[name];
  return [approve && `approve: ${approve}`, retry && `retry: ${retry}`, 'abort: end the release']
    .filter(Boolean)
    .join('; ');
}
