import type {
  Holder,
  KnownBadBuild,
  LaneHold,
  LaneRequest,
  LaneState,
  Ledger,
  LedgerEntry,
  OpenRollback,
  Pause,
} from '../contract/lane.js';
import { type Sha, sameBuild, shortSha } from '../contract/sha.js';
import { isPaused } from './commands.js';
import { buildsOf, defaultRollbackTarget, knownBadBuild } from './ledger.js';
import { inOrder } from './queue.js';

/** What people see of a lane. */
export interface LaneView {
  holder: Holder | null;
  /** The waiting releases in the order in which they will acquire the lane, each with the sequence that counts for it. */
  queue: (LaneRequest & Required<Pick<LaneRequest, 'sequence' | 'manual'>>)[];
  /** A rollback that is under way. */
  rollback: OpenRollback | null;
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
export function laneView(state: LaneState, now: number): LaneView {
  const { holder, queue, rollback, ledger } = state;
  return {
    holder,
    queue: inOrder(queue).map((one) => ({
      ...one,
      sequence: ledger.order[shortSha(one.sha)]?.sequence ?? 0,
      manual: one.manual === true,
    })),
    rollback,
    hold: ledger.hold,
    pause: isPaused(ledger.pause, now) ? ledger.pause : null,
    live: ledger.history.at(-1) ?? null,
    movedAt: movedAt(ledger),
    back: defaultRollbackTarget(ledger),
    // Also after a new move: what is gone stays gone, and silence until the next look, 5 minutes, would say that it is there.
    missing: ledger.drift?.missing ?? [],
  };
}

function movedAt({ history }: Ledger): string | null {
  const live = history.at(-1)?.sha;
  if (!live) return null;
  const before = history.findLastIndex(({ sha }) => sha === null || !sameBuild(sha, live));
  return history.slice(before + 1).findLast(({ kind }) => kind !== 'adopted')?.at ?? null;
}

/** A build that was at `:latest`: where a rollback may go. */
export interface Target extends Pick<LedgerEntry, 'at' | 'kind' | 'by'> {
  sha: Sha;
  isLive: boolean;
  bad: KnownBadBuild | null;
}

/** Newest first. */
export function targetsOf(ledger: Ledger): Target[] {
  const live = ledger.history.at(-1)?.sha ?? '';
  return buildsOf(ledger).map(({ sha, at, kind, by }) => ({
    sha,
    at,
    kind,
    by,
    isLive: sameBuild(live, sha),
    bad: knownBadBuild(ledger, sha) ?? null,
  }));
}

/** The ledger as people read it: newest first. */
export interface History {
  moves: LedgerEntry[];
  bad: KnownBadBuild[];
}

/** @param limit how many of each. */
export function historyOf({ history, knownBad }: Ledger, limit: number): History {
  return { moves: history.toReversed().slice(0, limit), bad: knownBad.toReversed().slice(0, limit) };
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
