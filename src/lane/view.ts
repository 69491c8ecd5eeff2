import type {
  Announced,
  Ask,
  BadBuild,
  Holder,
  LaneHold,
  LaneState,
  Ledger,
  LedgerEntry,
  Pause,
} from '../contract/lane.js';
import { type Sha, sameBuild, shortSha } from '../contract/sha.js';
import { isPaused } from './commands.js';
import { badBuild, buildsOf, goBack } from './ledger.js';
import { inOrder } from './queue.js';

/** What people see of a lane. */
export interface LanePicture {
  holder: Holder | null;
  /** Those that wait, in the order in which they get their turn; each with the sequence that counts for it. */
  queue: (Ask & Required<Pick<Ask, 'sequence' | 'byWord'>>)[];
  /** A rollback that is under way. */
  rollback: Announced | null;
  hold: LaneHold | null;
  /** Null also when it has run out. */
  pause: Pause | null;
  /** The last move; null when the ledger knows of none. */
  live: LedgerEntry | null;
  /** When it was moved there last, ISO 8601: to adopt it as it stands moves nothing; null for one that was adopted alone. */
  movedAt: string | null;
  /** Where a rollback would go. */
  back: string | null;
  /** What a rollback would need and is gone from the registry, as last looked, a line each. */
  missing: string[];
}

/** @param now epoch, ms. */
export function pictureOf(state: LaneState, now: number): LanePicture {
  const { holder, queue, rollback, ledger } = state;
  return {
    holder,
    queue: inOrder(queue).map((one) => ({
      ...one,
      sequence: ledger.order[shortSha(one.sha)]?.sequence ?? 0,
      byWord: one.byWord === true,
    })),
    rollback,
    hold: ledger.hold,
    pause: isPaused(state, now) ? ledger.pause : null,
    live: ledger.moves.at(-1) ?? null,
    movedAt: movedAt(ledger),
    back: goBack(ledger),
    // Also after a new move: what is gone stays gone, and silence until the next look, 5 minutes, would say that it is there.
    missing: ledger.drift?.missing ?? [],
  };
}

function movedAt({ moves }: Ledger): string | null {
  const live = moves.at(-1)?.sha;
  if (!live) return null;
  const before = moves.findLastIndex(({ sha }) => sha === null || !sameBuild(sha, live));
  return moves.slice(before + 1).findLast(({ kind }) => kind !== 'adopted')?.at ?? null;
}

/** A build that was at `:latest`: where a rollback may go. */
export interface Target extends Pick<LedgerEntry, 'at' | 'kind' | 'by'> {
  sha: Sha;
  isLive: boolean;
  bad: BadBuild | null;
}

/** Newest first. */
export function targetsOf(ledger: Ledger): Target[] {
  const live = ledger.moves.at(-1)?.sha ?? '';
  return buildsOf(ledger).map(({ sha, at, kind, by }) => ({
    sha,
    at,
    kind,
    by,
    isLive: sameBuild(live, sha),
    bad: badBuild(ledger, sha) ?? null,
  }));
}

/** The ledger as people read it: newest first. */
export interface History {
  moves: LedgerEntry[];
  bad: BadBuild[];
}

/** @param limit how many of each. */
export function historyOf({ moves, bad }: Ledger, limit: number): History {
  return { moves: moves.toReversed().slice(0, limit), bad: bad.toReversed().slice(0, limit) };
}

/** What lifts a hold of the lane, and what comes of it. */
export const LIFTS: Record<LaneHold['name'], { command: string; effect: string }> = {
  'not-recovered': { command: 'canary lane adopt --reason …', effect: ':latest is taken as it stands' },
  'latest-moved': { command: 'canary lane adopt --reason …', effect: ':latest is taken as it stands' },
  'pair-split': {
    command: 'canary lane adopt --reason …',
    effect: 'once canary rollback or canary promote has made the images one build',
  },
  'after-rollback': {
    command: 'canary lane unhold --reason …',
    effect: 'automatic again; until then the next GREEN build waits for approval',
  },
};
