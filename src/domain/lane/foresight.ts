import type { Sha } from '../sha.js';
import { badBuild } from './builds.js';
import { type Announcement, beginRollback } from './rollbacks.js';
import type { LaneState } from './state.js';

/** What the lane would make of a rollback. */
export interface Foresight {
  /** Why it would be refused without `force`; null when it would not. */
  refused: string | null;
  /** The builds that it would mark as bad. */
  bad: Sha[];
}

/** Tries a rollback on a copy of the lane. */
export function foreseeRollback(state: LaneState, said: Omit<Announcement, 'force'>, now: number): Foresight {
  const [asked, forced] = [structuredClone(state), structuredClone(state)];
  const refused = beginRollback(asked, { ...said, force: false }, now)?.refused ?? null;
  beginRollback(forced, { ...said, force: true }, now);
  const marked = forced.ledger.bad.map(({ sha }) => sha);
  return { refused, bad: marked.filter((sha) => !badBuild(state.ledger, sha)) };
}
