import type { Evidence, Run, Violation, Write } from './evidence.js';
import {
  buildOf,
  decisionsOf,
  eventsOfHolds,
  firstWrite,
  isHold,
  isSame,
  LOOK_MS,
  laneCommands,
  type Mover,
  short,
} from './movers.js';
import { isForcedRun } from './named.js';

/** Longest time from the request of a person to the start of its run, in milliseconds: the server may be down meanwhile. */
const START_MS = 60_000;
/** Rollbacks without a person in a row. */
const MAX_IN_ROW = 2;

const said = (at: number, what: string): Violation[] => [{ rule: 'I1', at, what }];

/** Whether a person asked for this rollback, or for this promotion without a test, or forced it since. */
const isRequested = ({ asked }: Evidence, run: Run): boolean =>
  isForcedRun(run) ||
  asked.some(
    ({ at, type, sha }) =>
      type === run.type &&
      isSame(sha, String(run.input.sha)) &&
      at <= run.startedAt + 1_000 &&
      at >= run.startedAt - START_MS,
  );

const isNaming = ({ type, input }: Run) => type === 'Rollback' || input.promoteOnly === true;

/** I1: a rollback, and a promotion without a test, is one that a person asked for; else it is of the operator's policy. */
export function requested(evidence: Evidence, movers: readonly Mover[]): Violation[] {
  return movers.flatMap((mover): Violation[] => {
    const { parent, sha } = mover;
    const write = firstWrite(mover);
    if (write === undefined || parent === undefined || !isNaming(parent) || isRequested(evidence, parent)) return [];
    const isOfPolicy = evidence.autoRollback && typeof parent.input.onlyFrom === 'string';
    return isOfPolicy ? [] : said(write.at, `${short(sha)} was moved in the name of a person who did not ask for it`);
  });
}

/** I1: a rollback without a person goes back from the build that is live, once its watch has found it red, and at most twice in a row. */
export function byPolicy(evidence: Evidence, movers: readonly Mover[]): Violation[] {
  const { runs, writes, builds } = evidence;
  return movers.flatMap((mover): Violation[] => {
    const { parent, sha } = mover;
    const write = firstWrite(mover);
    const from = parent?.input.onlyFrom;
    if (parent === undefined || typeof from !== 'string' || write === undefined || isForcedRun(parent)) return [];
    const because = (why: string) => said(write.at, `${short(sha)} came back without a person ${why}`);
    const last = writes.findLast(
      ({ at, by, repository }) => by === 'gate' && repository === write.repository && at < write.at,
    );
    const live = builds.find(({ digests }) => digests[write.repository]?.includes(last?.digest ?? ''));
    if (!isSame(live?.sha ?? '', from)) return because(`although ${short(from)} was not live`);
    if (isMovedAway(evidence, mover, from, write))
      return because(`although a person had moved :latest from ${short(from)}`);
    const isRed = runs.some(
      ({ type, input, events }) =>
        type === 'WatchProduction' &&
        isSame(String(input.sha ?? ''), from) &&
        events.some(({ name, at }) => name === 'alarm production-red' && at <= write.at),
    );
    if (!isRed) return because(`although no watch had found ${short(from)} red`);
    return inRowBefore(evidence, mover, movers) >= MAX_IN_ROW ? because('for the third time in a row') : [];
  });
}

/** Whether a person had moved `:latest` away from that build before the mover last looked, which it does with each request for a lease. */
function isMovedAway(evidence: Evidence, { targets }: Mover, from: string, first: Write): boolean {
  const seen = first.at - evidence.staleMs - evidence.slowMs - LOOK_MS;
  const left = buildOf(evidence, from)?.digests ?? {};
  return targets.some(({ repository, to }) => {
    const last = evidence.writes.findLast((write) => write.repository === repository && write.at < first.at);
    if (last === undefined || last.by === 'gate' || last.at >= seen) return false;
    return last.digest !== to && !left[repository]?.includes(last.digest);
  });
}

/** Rollbacks without a person right before this one, with no move in between that a person named or that stayed. */
function inRowBefore(evidence: Evidence, mover: Mover, movers: readonly Mover[]): number {
  const commands = laneCommands(evidence, 'adopt', 'unbad');
  const moves = movers.filter(({ run, parent }) => run.status === 'COMPLETED' && parent !== undefined);
  const before = moves.slice(0, Math.max(0, moves.indexOf(mover))).toReversed();
  const isOfPolicy = ({ parent }: Mover) => typeof parent?.input.onlyFrom === 'string';
  let count = 0;
  let next = mover;
  for (const one of before) {
    if (commands.some(({ at }) => at > one.run.startedAt && at < next.run.startedAt)) break;
    if (isOfPolicy(one)) count += 1;
    else if (one.kind !== 'promotion' || !isOfPolicy(next) || !isSame(String(next.parent?.input.onlyFrom), one.sha))
      break;
    next = one;
  }
  return count;
}

/** I1: what a release moves after a hold, a person decided on that very hold. */
export function decided(_evidence: Evidence, movers: readonly Mover[]): Violation[] {
  return movers.flatMap((mover): Violation[] => {
    const write = firstWrite(mover);
    const events = eventsOfHolds(mover);
    const last = events.findLastIndex(isHold);
    if (write === undefined || mover.parent?.type !== 'CanaryRelease' || last < 0) return [];
    if (decisionsOf(events).some((one) => events.indexOf(one) > last)) return [];
    return said(write.at, `${short(mover.sha)} was promoted without a decision on its last hold`);
  });
}
