import type { AlarmName } from '../contract/events.js';
import type { Repository } from '../contract/image.js';
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
import type { BuildVerdict } from '../contract/tenants/check.js';
import { activeQuarantines, type Quarantine } from '../contract/tenants/quarantine.js';
import { leftByRollback, movedAlarm } from './drift.js';
import { buildsOf, defaultRollbackTarget, whyKnownBad } from './ledger.js';
import { inOrder, isPreemptedInARow } from './queue.js';
import { lostAlarm, outOfOrderAlarm } from './sequence.js';
import { isPaused } from './state.js';
import { liveRejection } from './verdicts.js';

/** State of a lane as people see it. */
export interface LaneView {
  holder: Holder | null;
  /** Waiting releases in the order in which they acquire the lane, each with its effective sequence. */
  queue: (LaneRequest & Required<Pick<LaneRequest, 'sequence' | 'manual'>>)[];
  /** Rollback that is under way. */
  rollback: OpenRollback | null;
  hold: LaneHold | null;
  /** Null also after it has expired. */
  pause: Pause | null;
  /** Tenants in quarantine, without expired ones. */
  quarantines: Quarantine[];
  /** Newest entry of the history; null if the history is empty. */
  live: LedgerEntry | null;
  /** Time of the last move to the live build, ISO 8601 (an adoption moves nothing); null if it was only adopted. */
  movedAt: string | null;
  /** Whether the lane started a watch over that move. */
  isWatched: boolean;
  /** Default target of a rollback. */
  back: string | null;
  /** Highest sequence of any build. */
  newestSequence: number;
  /** What a person must look at now, one line each. */
  alarms: string[];
  /** Manifests that a rollback needs and the last drift check found missing, one line each. */
  missing: string[];
  /** Images that the rollback to the live build left on another build, one line each. */
  left: string[];
}

/** Reads the view from the state. @param now epoch, ms. */
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
    quarantines: activeQuarantines(ledger, now),
    live: ledger.history.at(-1) ?? null,
    movedAt: movedAt(ledger),
    isWatched: ledger.watchedFor !== undefined && ledger.watchedFor === movedAt(ledger),
    back: defaultRollbackTarget(ledger),
    newestSequence: ledger.highestSequence,
    alarms: [movedAlarm(ledger), liveRejection(ledger), lostAlarm(ledger), outOfOrderAlarm(ledger)].filter(
      (line) => line !== null,
    ),
    // Kept after a new move: a missing manifest stays missing, and an empty list until the next check, 5 minutes, would hide it.
    missing: ledger.drift?.missing.map(({ text }) => text) ?? [],
    left: leftByRollback(ledger).map(({ repository, sha }) => describeLeft(repository, sha, ledger)),
  };
}

const describeLeft = (repository: Repository, sha: Sha | null, { history }: Ledger) =>
  `${repository} is on ${sha ?? 'an unknown build'}, and production on two builds: the rollback to ${history.at(-1)?.sha ?? 'an unknown build'} did not move it, because CANARY_IMAGES lacks it, or that build has no such image (fix: ${LEFT_FIX})`;
const LEFT_FIX =
  'put it into CANARY_IMAGES and roll back again, or move or delete its tag; docs/operations.md, Add or remove an image';

/** Alarms of the lane that still hold, whether or not a person has seen them. `move-split` is `pair-split` here; of `ledger-not-kept` the state has nothing. */
export const openAlarms = ({ ledger }: LaneState): AlarmName[] => [
  ...(ledger.hold ? [ledger.hold.name] : []),
  ...(movedAlarm(ledger) === null || ledger.hold?.name === 'latest-moved' ? [] : ['latest-moved' as const]),
  ...(liveRejection(ledger) === null ? [] : ['live-build-red' as const]),
  ...(outOfOrderAlarm(ledger) === null ? [] : ['out-of-order' as const]),
  ...(isPreemptedInARow(ledger) ? ['consecutive-preemptions' as const] : []),
  ...(ledger.drift?.missing.length ? ['rollback-target-missing' as const] : []),
];

function movedAt({ history }: Ledger): string | null {
  const live = history.at(-1)?.sha;
  if (!live) return null;
  const before = history.findLastIndex(({ sha }) => sha === null || !sameBuild(sha, live));
  return history.slice(before + 1).findLast(({ kind }) => kind !== 'adopted')?.at ?? null;
}

/** Build that was at `:latest`: a target of a rollback. */
export interface Target extends Pick<LedgerEntry, 'at' | 'kind' | 'by'> {
  sha: Sha;
  isLive: boolean;
  /** Why it is known-bad; null if it is not. */
  bad: string | null;
}

/** Targets of a rollback, newest first. */
export function targetsOf(ledger: Ledger): Target[] {
  const live = ledger.history.at(-1)?.sha ?? '';
  return buildsOf(ledger).map(({ sha, at, kind, by }) => ({
    sha,
    at,
    kind,
    by,
    isLive: sameBuild(live, sha),
    bad: whyKnownBad(ledger, sha),
  }));
}

/** History and known-bad builds, newest first: those that were rolled back from, and those that canary rejected. */
export interface History {
  moves: LedgerEntry[];
  bad: KnownBadBuild[];
  rejected: BuildVerdict[];
}

/** Reads the newest entries of the ledger. @param limit most entries of each list. */
export function historyOf({ history, knownBad, verdicts }: Ledger, limit: number): History {
  const last = <T>(list: T[]) => list.toReversed().slice(0, limit);
  const rejected = verdicts.filter(({ verdict }) => verdict === 'RED');
  return { moves: last(history), bad: last(knownBad), rejected: last(rejected) };
}

/** Command of `canary` that lifts each hold of the lane, and its effect. */
export const LIFTS: Record<LaneHold['name'], { command: string; effect: string }> = {
  'not-recovered': { command: 'lane adopt --reason …', effect: ':latest is taken as it stands' },
  'latest-moved': { command: 'lane adopt --reason …', effect: ':latest is taken as it stands' },
  'pair-split': {
    command: 'lane adopt --reason …',
    effect: 'once canary rollback or canary promote has made the images one build',
  },
  'after-rollback': {
    command: 'lane unhold --reason …',
    effect:
      'promotion is automatic again, if :latest is where the last move left it; until then the next GREEN build waits for approval',
  },
};
