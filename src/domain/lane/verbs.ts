import type { Sha } from '../sha.js';
import { sameBuild } from '../sha.js';
import { brief } from './bounds.js';
import { record } from './builds.js';
import type { LaneState, Left, Pause } from './state.js';
import { answer } from './turns.js';

/** Whose word it is. */
export interface Said {
  by: string;
  reason: string;
}

/** Takes `:latest` as it stands for where it should be, and lifts what holds the lane for it. */
export function adopt(state: LaneState, images: Left[], sha: Sha | null, { by, reason }: Said, now: number): string {
  const { ledger } = state;
  const at = new Date(now).toISOString();
  ledger.left = { images, at: now };
  record(ledger, { sha, at, kind: 'adopted', by, reason, images });
  // What people fear after a rollback is not where `:latest` stands.
  if (ledger.hold?.name !== 'after-rollback') ledger.hold = null;
  return `adopted: ${images.map(({ repository, digest }) => `${repository}:latest at ${digest ?? 'nothing'}`).join(', ')}`;
}

/** Automatic promotion is on again. */
export function unhold(state: LaneState): string {
  const { hold } = state.ledger;
  state.ledger.hold = null;
  return hold ? `no longer on hold for ${hold.name}` : 'was not on hold';
}

/** A build that was marked bad may be released again. */
export function unbad(state: LaneState, sha: Sha): string {
  const before = state.ledger.bad.length;
  state.ledger.bad = state.ledger.bad.filter((one) => !sameBuild(one.sha, sha));
  return state.ledger.bad.length < before ? `${sha} is not bad any more` : `${sha} was not bad`;
}

/** Takes its turn, or its place, from a run that cannot answer an abort. What it began to move is finished. */
export function drop(state: LaneState, sha: Sha, { by, reason }: Said): string {
  const waiting = state.queue.filter((one) => sameBuild(one.sha, sha));
  state.queue = state.queue.filter((one) => !waiting.includes(one));
  const superseded = `nothing: dropped by ${brief(by)}: ${brief(reason)}`;
  for (const one of waiting) answer(state, one, { superseded });
  if (state.holder && sameBuild(state.holder.sha, sha)) {
    state.holder = null;
    return `${sha} has lost its turn`;
  }
  return waiting.length > 0 ? `${sha} has lost its place` : `${sha} neither has the turn nor waits for it`;
}

export function pause(state: LaneState, { by, reason }: Said, until: string | undefined, now: number): string {
  const paused: Pause = {
    by: brief(by),
    why: brief(reason),
    since: new Date(now).toISOString(),
    ...(until && { until }),
  };
  state.ledger.pause = paused;
  return until ? `paused until ${until}` : 'paused until somebody resumes';
}

export function resume(state: LaneState): string {
  const paused = state.ledger.pause;
  state.ledger.pause = null;
  return paused ? 'resumed' : 'was not paused';
}

/** A pause that has run out counts no more. */
export const isPaused = ({ ledger }: LaneState, now: number) =>
  ledger.pause !== null && (ledger.pause.until === undefined || now < Date.parse(ledger.pause.until));
