import { live, lost, repeated } from './ends.js';
import type { Evidence, Violation } from './evidence.js';
import { moversOf } from './movers.js';
import { knownBad, ofItsBuild, undone } from './named.js';
import { byHand, leased, oneWriter, order } from './order.js';
import { byPolicy, decided, requested } from './policy.js';
import { production } from './production.js';
import { alarmed, direct, logged, reported } from './reported.js';
import { secrets } from './secrets.js';
import { onlyTested, pinned, watched } from './tested.js';
import { whole } from './whole.js';

const RULES = [
  ...[onlyTested, pinned, watched, ofItsBuild, undone, knownBad],
  ...[requested, byPolicy, decided],
  ...[oneWriter, leased, order, byHand],
  ...[whole, reported, direct, logged, alarmed, live, lost, repeated, secrets, production],
];

/** Judges one run by I1 to I8. It shares no code with the gate, and reads nothing but the evidence. */
export function check(evidence: Evidence): Violation[] {
  const movers = moversOf(evidence);
  return RULES.flatMap((rule) => rule(evidence, movers)).sort((one, other) => one.at - other.at);
}
