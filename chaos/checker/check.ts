import type { Evidence, Violation } from './evidence.js';
import { moversOf } from './movers.js';
import { byHand, leased, oneWriter, order } from './order.js';
import { production } from './production.js';
import { onlyTested, pinned, watched } from './tested.js';
import { lost, secrets, whole } from './whole.js';

/** Judges one run by I1 to I8. It shares no code with the gate, and reads nothing but the evidence. */
export function check(evidence: Evidence): Violation[] {
  const movers = moversOf(evidence);
  const rules = [onlyTested, pinned, watched, oneWriter, leased, order, byHand, whole, lost, secrets, production];
  return rules.flatMap((rule) => rule(evidence, movers)).sort((one, other) => one.at - other.at);
}
