import type { Evidence, Run, Violation, Write } from './evidence.js';
import { IN_FLIGHT_MS, latestAt, type Mover, short } from './movers.js';

/** I2: a mover that completed left every image on its target; at the end all images are of one build, or a run said they are not. */
export function whole(evidence: Evidence, movers: readonly Mover[]): Violation[] {
  const split = movers.flatMap(({ run, targets, sha }) => {
    if (run.status !== 'COMPLETED' || run.closedAt === null) return [];
    const closedAt = run.closedAt;
    return targets
      .filter(({ repository, to }) => latestAt(evidence, repository, closedAt) !== to)
      .filter(({ repository }) => !handsIn(evidence, repository, run.startedAt, closedAt))
      .map(({ repository }) => ({
        rule: 'I2' as const,
        at: closedAt,
        what: `the mover of ${short(sha)} completed, and ${repository}:latest is elsewhere`,
      }));
  });
  return [
    ...split,
    ...movers.flatMap((mover) => [...notRestored(evidence, mover, movers), ...unsaid(evidence, mover)]),
    ...atTheEnd(evidence, movers),
  ];
}

/** A mover that failed without `PairSplit` left its images together: all at their targets, or all where they were. */
function notRestored(evidence: Evidence, mover: Mover, movers: readonly Mover[]): Violation[] {
  const { run, targets, writes, sha } = mover;
  const closedAt = run.closedAt;
  // One that is terminated cannot restore: its parent, or the rollback that ended it, makes the pair whole.
  if (run.status !== 'FAILED' || run.failure === 'PairSplit' || closedAt === null || writes.length === 0) return [];
  if (targets.some(({ repository }) => handsIn(evidence, repository, run.startedAt, closedAt))) return [];
  const isShared = (one: Write) => movers.some((other) => other !== mover && other.writes.includes(one));
  const inIt = evidence.writes.filter(({ at }) => at >= run.startedAt && at <= closedAt);
  if (inIt.some((one) => !writes.includes(one) || isShared(one))) return [];
  const found = targets.map(({ repository, to }) => {
    const now = latestAt(evidence, repository, closedAt);
    const before = latestAt(evidence, repository, run.startedAt - 1);
    return { isMoved: now === to, isBack: now === before };
  });
  if (found.every(({ isMoved }) => isMoved) || found.every(({ isBack }) => isBack)) return [];
  return [{ rule: 'I2', at: closedAt, what: `the mover of ${short(sha)} left half a pair, and did not say so` }];
}

/** A split pair has its alarm, and the alarm of the lane, which is on hold for it. */
function unsaid({ runs }: Evidence, { run, sha }: Mover): Violation[] {
  if (run.failure !== 'PairSplit' || run.closedAt === null) return [];
  const raised = (one: Run, name: string) =>
    one.events.some((event) => event.at >= run.startedAt && event.name === name);
  const isOnHold = runs.some((one) => one.type === 'ReleaseLane' && raised(one, 'alarm pair-split'));
  const said = (what: string) => [
    { rule: 'I2' as const, at: run.closedAt ?? 0, what: `the pair of ${short(sha)} was split ${what}` },
  ];
  if (!raised(run, 'alarm move-split')) return said('without an alarm');
  return isOnHold ? [] : said('and the lane was not on hold');
}

const handsIn = ({ writes }: Evidence, repository: string, from: number, to: number) =>
  writes.some((write) => write.by !== 'gate' && write.repository === repository && write.at >= from && write.at <= to);

/** Whether the mover that wrote last says that it left the images on two builds: what an earlier one said is over. */
function isSaid({ writes }: Evidence, movers: readonly Mover[]): boolean {
  const last = writes.findLast(({ by }) => by === 'gate');
  return movers.some(({ run, parent, writes: own }) => {
    if (last === undefined || !own.includes(last)) return false;
    if (run.closedAt !== null && last.at > run.closedAt + IN_FLIGHT_MS) return false;
    return [run, parent].some((one) => one?.failure === 'PairSplit' || one?.failure === 'MoveFailed');
  });
}

function atTheEnd(evidence: Evidence, movers: readonly Mover[]): Violation[] {
  const { repositories, builds, latest, writes, direct } = evidence;
  const isWhole = builds.some(({ digests }) =>
    repositories.every((repository) => digests[repository]?.includes(latest[repository] ?? '')),
  );
  const last = writes.at(-1);
  if (isWhole || last === undefined || last.by === 'person' || isSaid(evidence, movers)) return [];
  // One that did not end well says so by its exit code.
  if (last.by === 'direct' && !direct.some(({ from, to, isDone }) => isDone && last.at >= from && last.at <= to))
    return [];
  const where = repositories.map((repository) => `${repository} ${latest[repository]?.slice(0, 19)}`).join(', ');
  return [{ rule: 'I2', at: last.at, what: `:latest is on two builds, and no run says so: ${where}` }];
}
