import type { Evidence, Run, Violation } from './evidence.js';
import {
  announcements,
  buildOf,
  firstWrite,
  grantedAt,
  isForced,
  isSame,
  LOOK_MS,
  laneCommands,
  latestAt,
  type Mover,
  short,
} from './movers.js';

/** Time that the lane may need to read the verdict of a run that ended, in milliseconds. */
const VERDICT_MS = 15_000;

/** I1: a mover that wrote is of the build of the run that asked for it, and each target is an image of that build, also if a person named it. */
export function ofItsBuild(evidence: Evidence, movers: readonly Mover[]): Violation[] {
  return movers.flatMap((mover): Violation[] => {
    const { sha, parent, targets, writes } = mover;
    const [first] = writes;
    if (first === undefined || parent === undefined) return [];
    const said = (what: string) => ({ rule: 'I1' as const, at: first.at, what });
    const digests = buildOf(evidence, sha)?.digests ?? {};
    const asked = String(parent.input.sha ?? '');
    return [
      ...(isSame(sha, asked)
        ? []
        : [said(`${parent.workflowId} asked for ${short(asked)}, and its mover moved ${short(sha)}`)]),
      ...targets
        .filter(({ repository, to }) => !digests[repository]?.includes(to))
        .map(({ repository, to }) =>
          said(`the mover of ${short(sha)} moved ${repository} to ${to.slice(0, 19)}, which is not of that build`),
        ),
    ];
  });
}

/** I1: a write of what was there before undoes this mover's own write, and nothing else. */
export function undone(evidence: Evidence, movers: readonly Mover[]): Violation[] {
  const { writes, staleMs, slowMs } = evidence;
  return writes.flatMap((write, index): Violation[] => {
    const own = movers.filter((mover) => mover.writes.includes(write));
    const targetsOf = (mover: Mover) => mover.targets.filter(({ repository }) => repository === write.repository);
    // Forward, for one of the movers that may have sent it.
    if (own.length === 0 || own.some((mover) => targetsOf(mover).some(({ to }) => to === write.digest))) return [];
    const before = writes.slice(0, index).findLast(({ repository }) => repository === write.repository);
    const isUnseen = before !== undefined && before.by !== 'gate' && write.at - before.at < LOOK_MS + staleMs + slowMs;
    const isOwn = own.some((mover) =>
      targetsOf(mover).some(
        ({ to }) =>
          mover.writes.some((one) => one.repository === write.repository && one.digest === to && one.at <= write.at) &&
          (isUnseen || before?.digest === to || before?.digest === write.digest),
      ),
    );
    if (isOwn) return [];
    const what = `${write.repository} was put back to ${write.digest.slice(0, 19)} by a mover that had not moved it from there`;
    return [{ rule: 'I1', at: write.at, what }];
  });
}

/** I1: a build that was rolled back from, or that canary rejected last, moves only if a person forces it. */
export function knownBad(evidence: Evidence, movers: readonly Mover[]): Violation[] {
  return movers.flatMap((mover): Violation[] => {
    const write = firstWrite(mover);
    // A rollback that the lane did not hear is decided by the lease alone.
    if (write === undefined || mover.parent === undefined || isForced(mover) || isForcedRun(mover.parent)) return [];
    const decided = grantedAt(evidence, mover, movers);
    const rollback = marksOf(evidence, mover, movers, decided);
    const why = rollback
      ? `although ${rollback.workflowId} went back from it`
      : isRejected(evidence, mover, movers, decided)
        ? 'although canary rejected it'
        : null;
    if (why === null) return [];
    return [{ rule: 'I1', at: write.at, what: `:latest was moved to ${short(mover.sha)} without force, ${why}` }];
  });
}

/** Whether a person forced a rollback while it ran. */
export const isForcedRun = ({ type, events }: Run) =>
  type === 'Rollback' &&
  events.some(({ type: kind, name }) => kind === 'WorkflowExecutionUpdateAccepted' && name === 'force');

/** The last rollback before `until` that marked the build of a mover, if nothing took the mark off since. */
function marksOf(evidence: Evidence, mover: Mover, movers: readonly Mover[], until: number): Run | undefined {
  const { runs } = evidence;
  const since = liveSince(evidence, mover.sha, movers);
  const taken = announcements(evidence).flatMap(({ at, runId }) => {
    const run = runs.find((one) => one.runId === runId);
    return run && run.runId !== mover.parent?.runId && at < until ? [{ at, run, sha: String(run.input.sha) }] : [];
  });
  return taken
    .filter(({ at, sha }) => !isSame(sha, mover.sha) && since < at && liveSince(evidence, sha, movers) < since)
    .toSorted((one, other) => one.at - other.at)
    .findLast(({ at }) => {
      const isTakenOff =
        laneCommands(evidence, 'unbad').some(
          (one) => isSame(one.sha ?? '', mover.sha) && one.at > at && one.at < until,
        ) ||
        taken.some((one) => isSame(one.sha, mover.sha) && one.at > at) ||
        movers.some(
          (one) => isSame(one.sha, mover.sha) && isForced(one) && one.run.startedAt < until && endOf(one.run) > at,
        );
      return !isTakenOff;
    })?.run;
}

/** Time from which the lane knows that a build was at `:latest`: its first move ended, or it was adopted. */
function liveSince(evidence: Evidence, sha: string, movers: readonly Mover[]): number {
  const digests = buildOf(evidence, sha)?.digests ?? {};
  const adopted = laneCommands(evidence, 'adopt').find(({ at }) =>
    evidence.repositories.every((repository) =>
      digests[repository]?.includes(latestAt(evidence, repository, at) ?? ''),
    ),
  );
  const moved = movers
    .filter((one) => isSame(one.sha, sha) && one.run.status === 'COMPLETED')
    .map(({ run }) => endOf(run));
  return Math.min(adopted?.at ?? Number.POSITIVE_INFINITY, ...moved);
}

/** Whether the last verdict on a build that a person named is RED. What is released without one is tested again. */
function isRejected({ runs }: Evidence, { sha, parent }: Mover, movers: readonly Mover[], until: number): boolean {
  if (parent?.type === 'CanaryRelease' && parent.input.promoteOnly !== true) return false;
  const verdicts = runs
    .filter(
      ({ type, input, closedAt }) => type === 'CanaryRelease' && isSame(String(input.sha), sha) && closedAt !== null,
    )
    .filter(({ runId, input }) => runId !== parent?.runId && input.promoteOnly !== true)
    .toSorted((one, other) => endOf(one) - endOf(other));
  const last = verdicts.at(-1);
  if (last?.failure !== 'CanaryRejected' || endOf(last) + VERDICT_MS > until) return false;
  return !movers.some((one) => isSame(one.sha, sha) && isForced(one) && endOf(one.run) > endOf(last));
}

const endOf = ({ closedAt }: Run) => closedAt ?? Number.POSITIVE_INFINITY;
