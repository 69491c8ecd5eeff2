import type { Evidence } from './evidence.js';
import { automatic, moversOf, short } from './movers.js';
import { liars } from './tested.js';

/** Promotions without a person that a lie led to, or could have: what was really tested, which the gate cannot know. */
export const believed = (evidence: Evidence): string[] =>
  automatic(moversOf(evidence)).flatMap((mover) =>
    liars(evidence, mover).map((tenant) => `${short(mover.sha)} was promoted, and ${tenant} only claimed to run it`),
  );
