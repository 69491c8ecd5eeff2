import type { Announced, Build, Evidence, Run, RunEvent, Write } from './evidence.js';

/** Time for which a request of a mover that has closed may still be on its way. */
export const IN_FLIGHT_MS = 2_000;

/** Time between the last look of a mover and its write, in which no mover can notice a hand: the window of a lease, and the requests. */
export const LOOK_MS = 2_500;

export const SCHEDULED = 'ActivityTaskScheduled';

export const short = (sha: string) => sha.slice(0, 7);
/** Whether one of two names of a build begins with the other. */
export const isSame = (one: string, other: string) =>
  one.length > 0 && (one.startsWith(other) || other.startsWith(one));

/** One mover, with what it was to write and what it wrote. */
export interface Mover {
  readonly run: Run;
  readonly kind: unknown;
  readonly sha: string;
  /** The release or the rollback that asked for it. */
  readonly parent: Run | undefined;
  readonly targets: readonly { readonly repository: string; readonly to: string; readonly from: string | null }[];
  readonly writes: readonly Write[];
}

/** The movers in the order of their starts, each with its writes. */
export function moversOf({ runs, writes, grants }: Evidence): Mover[] {
  const movers = runs
    .filter(({ type }) => type === 'MoveLatest')
    .sort((one, other) => one.startedAt - other.startedAt)
    .map((run): Mover => {
      const targets = targetsOf(run.input);
      const mover = { run, kind: run.input.kind, sha: String(run.input.sha), targets };
      const parent = runs.find(({ runId }) => runId === run.parentRunId);
      return { ...mover, parent, writes: writes.filter((write) => mayWrite(mover, write)) };
    });
  // What a mover with a lease may have written is not of one that got none: a stranger's beside it, or one that was refused.
  const isLeased = ({ run }: Mover) => grants.some(({ moverRunId }) => moverRunId === run.runId);
  const isOfLeased = (write: Write) => movers.some((mover) => mover.writes.includes(write) && isLeased(mover));
  return movers.map((mover) => ({
    ...mover,
    writes: mover.writes.filter((write) => isLeased(mover) || !isOfLeased(write)),
  }));
}

/** What a mover was to write; a stranger starts one with anything. */
function targetsOf({ images }: Run['input']): Mover['targets'] {
  if (!Array.isArray(images)) return [];
  return (images as (Partial<Mover['targets'][number]> | null)[]).flatMap((image) => {
    if (typeof image?.repository !== 'string') return [];
    // A repository with its registry in front: the writes know only the path.
    const repository = image.repository.replace(/^[^/]*[.:][^/]*\//, '');
    return [{ repository, to: String(image.to), from: typeof image.from === 'string' ? image.from : null }];
  });
}

function mayWrite({ run, targets }: Pick<Mover, 'run' | 'targets'>, write: Write): boolean {
  if (write.by !== 'gate' || write.at < run.startedAt) return false;
  if (run.closedAt !== null && write.at > run.closedAt + IN_FLIGHT_MS) return false;
  return targets.some((target) => target.repository === write.repository && isOf(target, write.digest));
}

const isOf = (target: Mover['targets'][number], digest: string) => target.to === digest || target.from === digest;

/** Steps of a release before the hold whose approval promotes: what was approved before the last of them was another hold. */
const STEPS = ['resolveBuild', 'awaitBuild', 'smokeTenant', 'readBuildTags'];

/** Whether a person named the build of this mover: a rollback, `promoteOnly`, or an approval of the very hold before it. */
export const isNamed = (mover: Mover): boolean =>
  mover.parent !== undefined &&
  (mover.parent.type === 'Rollback' ||
    mover.parent.input.promoteOnly === true ||
    decisionsOf(eventsAfter(mover, ...STEPS)).some(({ name }) => name === 'approve'));

/** Events of a release between the last of these steps and the start of its mover. */
export function eventsAfter({ run, parent }: Mover, ...steps: string[]): RunEvent[] {
  const before = (parent?.events ?? []).filter(({ at }) => at <= run.startedAt);
  return before.slice(before.findLastIndex(({ type, name }) => type === SCHEDULED && steps.includes(name)) + 1);
}

/** Decisions that were taken, and that are about the hold that they name. An update that is refused has no event, or a failed answer; a signal that is taken is published as a decision. */
export const decisionsOf = (events: readonly RunEvent[]): RunEvent[] =>
  events.filter(({ type, name, by, hold, isRefused }, index) => {
    if (!['approve', 'retry'].includes(name) || by === null || isRefused) return false;
    const begun = events.slice(0, index).findLast(isHold);
    if (hold !== undefined && begun !== undefined && hold !== begun.hold) return false;
    if (type === 'WorkflowExecutionUpdateAccepted') return true;
    const later = events.slice(index);
    return type === 'WorkflowExecutionSignaled' && later.some((one) => one.name === `decided ${name}` && one.by === by);
  });

/** A run begins to wait for a person; a pause ends without a decision. */
export const isHold = ({ name, hold }: RunEvent): boolean => name === 'held' && hold !== 'paused';

/** Holds and decisions of a release between the last of its steps and the start of its mover. */
export const eventsOfHolds = (mover: Mover): RunEvent[] => eventsAfter(mover, ...STEPS);

/** Commands of people that the lane carried out, in order; one that names no one is refused. */
export const laneCommands = ({ runs }: Evidence, ...names: string[]): RunEvent[] =>
  runs
    .filter(({ type }) => type === 'ReleaseLane')
    .flatMap(({ events }) =>
      events.filter(
        ({ type, name, by, isRefused }) =>
          type === 'WorkflowExecutionUpdateAccepted' && names.includes(name) && by !== null && !isRefused,
      ),
    )
    .sort((one, other) => one.at - other.at);

/** First write that moves to the target. */
export const firstWrite = ({ writes, targets }: Mover): Write | undefined =>
  writes.find(({ repository, digest }) => targets.some((one) => one.repository === repository && one.to === digest));

/** Whether a person said that a known-bad build is promoted anyway. */
export const isForced = ({ parent }: Mover): boolean =>
  parent?.input.force === true &&
  (parent.type === 'Rollback' || (parent.type === 'CanaryRelease' && parent.input.promoteOnly === true));

/** Time at which the lane first let this mover write, or one before it of the same parent whose move goes on, for it ended without a report; its start if it never did. */
export function grantedAt({ grants, reports }: Evidence, mover: Mover, movers: readonly Mover[]): number {
  const family = movers.filter(({ run }) => run.parentRunId === mover.run.parentRunId).map(({ run }) => run.runId);
  const before = family.slice(0, family.indexOf(mover.run.runId));
  const reported = reports.map(({ moverRunId }) => moverRunId);
  const ended = before.findLastIndex((runId) => reported.includes(runId));
  const own = [...before.slice(ended + 1), mover.run.runId];
  const times = grants.filter(({ moverRunId }) => own.includes(moverRunId)).map(({ at }) => at);
  return times.length > 0 ? Math.min(...times) : mover.run.startedAt;
}

/** Rollbacks in the order in which the lane took them, each with the first time: a rollback may announce itself again. */
export const announcements = ({ announced }: Evidence): Announced[] =>
  announced
    .toSorted((one, other) => one.at - other.at)
    .filter(({ runId }, index, all) => all.findIndex((one) => one.runId === runId) === index);

/** Promotions that wrote and that no person had ordered or approved. */
export const automatic = (movers: readonly Mover[]) =>
  movers.filter((mover) => mover.kind === 'promotion' && !isNamed(mover) && firstWrite(mover) !== undefined);

export const buildOf = ({ builds }: Evidence, sha: string): Build | undefined =>
  builds.find((build) => isSame(build.sha, sha));

/** Digest of `:latest` of a repository at a time. */
export function latestAt({ writes }: Evidence, repository: string, at: number): string | undefined {
  return writes.findLast((write) => write.repository === repository && write.at <= at)?.digest;
}
