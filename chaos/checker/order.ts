import type { Evidence, Violation, Write } from './evidence.js';
import {
  announcements,
  automatic,
  buildOf,
  firstWrite,
  grantedAt,
  isNamed,
  LOOK_MS,
  laneCommands,
  latestAt,
  type Mover,
  short,
} from './movers.js';
import { isForcedRun } from './named.js';

/** Failures of a mover that name each digest. */
const SAID = ['PairSplit', 'MoveFailed'];

/** I4: each write of the gate belongs to a mover that runs, and that a release or a rollback asked for. */
export function oneWriter({ writes }: Evidence, movers: readonly Mover[]): Violation[] {
  return writes
    .filter(({ by }) => by === 'gate')
    .flatMap((write) => {
      const own = movers.filter((mover) => mover.writes.includes(write));
      const what = `${write.repository} was moved to ${write.digest.slice(0, 19)} `;
      if (own.length === 0) return [{ rule: 'I4' as const, at: write.at, what: `${what}while no mover to it ran` }];
      const isAsked = own.some(({ parent }) => parent?.type === 'CanaryRelease' || parent?.type === 'Rollback');
      return isAsked ? [] : [{ rule: 'I4' as const, at: write.at, what: `${what}by a mover that no one asked for` }];
    });
}

/** Longest time from a grant to the write that it allows, in milliseconds: the window of a lease, and one request. */
const LEASE_MS = 12_000;

/** I4: the lane let the mover write a moment before. A forced rollback that found the lane silent does not need it. */
export function leased({ writes, grants }: Evidence, movers: readonly Mover[]): Violation[] {
  return writes
    .filter(({ by }) => by === 'gate')
    .flatMap((write) => {
      const own = movers.filter((mover) => mover.writes.includes(write));
      const isForced = own.some(
        ({ parent, run }) =>
          parent?.type === 'Rollback' &&
          (parent.input.force === true || isForcedRun(parent)) &&
          run.input.laneUnavailable === true,
      );
      const isLeased = grants.some(
        ({ at, moverRunId }) =>
          at <= write.at && write.at - at <= LEASE_MS && own.some(({ run }) => run.runId === moverRunId),
      );
      if (own.length === 0 || isForced || isLeased) return [];
      return [
        { rule: 'I4' as const, at: write.at, what: `${write.repository} was moved with no lease of the last 12 s` },
      ];
    });
}

/** I4: no older build replaces a newer one on its own; a rollback and a pause stop promotions. */
export function order(evidence: Evidence, movers: readonly Mover[]): Violation[] {
  let newest = Number.NEGATIVE_INFINITY;
  let since = 0;
  const sequenceOf = (sha: string) => buildOf(evidence, sha)?.sequence ?? Number.POSITIVE_INFINITY;
  const older = movers.flatMap((mover): Violation[] => {
    const write = firstWrite(mover);
    if (mover.kind !== 'promotion' || write === undefined) return [];
    const own = sequenceOf(mover.sha);
    // An adoption that does not name its build says nothing about the order.
    const adopted = laneCommands(evidence, 'adopt').findLast(
      ({ at, sha }) => sha !== undefined && at > since && at < write.at,
    );
    if (adopted?.sha !== undefined) newest = sequenceOf(adopted.sha);
    const isOlder = !isNamed(mover) && own < newest;
    // One that was restored is not promoted.
    if (mover.run.status === 'COMPLETED') newest = isNamed(mover) ? own : Math.max(newest, own);
    since = write.at;
    if (!isOlder) return [];
    return [{ rule: 'I4', at: write.at, what: `${short(mover.sha)} replaced a newer build on its own` }];
  });
  return [...older, ...movers.flatMap((mover) => stopped(evidence, mover, movers))];
}

/** A promotion, also one that a person named, that the lane first let write in a pause, or after a rollback announced itself. */
function stopped(evidence: Evidence, mover: Mover, movers: readonly Mover[]): Violation[] {
  const write = firstWrite(mover);
  if (write === undefined || mover.kind !== 'promotion') return [];
  const granted = grantedAt(evidence, mover, movers);
  const said = (why: string) => [
    { rule: 'I4' as const, at: write.at, what: `${short(mover.sha)} was promoted ${why}` },
  ];
  const last = evidence.grants.findLast(({ at, moverRunId }) => moverRunId === mover.run.runId && at <= write.at);
  const until = last?.at ?? granted;
  const announced = announcements(evidence).findLast(({ at }) => at < until);
  const rollback = evidence.runs.find(({ runId }) => runId === announced?.runId);
  if (rollback && (rollback.closedAt === null || rollback.closedAt > until))
    return said(`while ${rollback.workflowId} was under way`);
  const command = laneCommands(evidence, 'pause', 'resume').findLast(({ at }) => at < granted);
  return command?.name === 'pause' ? said('while the lane was paused') : [];
}

/** Where the gate expects `:latest` at a time: where its last write put it, or where it was adopted since. */
function expectedAt(evidence: Evidence, repository: string, at: number): string | undefined {
  const own = evidence.writes.findLast((one) => one.repository === repository && one.by === 'gate' && one.at < at);
  const adopted = laneCommands(evidence, 'adopt').findLast((one) => one.at < at)?.at ?? Number.NEGATIVE_INFINITY;
  return own !== undefined && own.at > adopted ? own.digest : latestAt(evidence, repository, adopted);
}

/** Whether a mover of the gate found the build of a person's write at `:latest`, as its own target, and completed: then the ledger has it. */
const isConfirmed = (movers: readonly Mover[], hand: Write, until: number) =>
  movers.some(
    ({ run, targets }) =>
      run.status === 'COMPLETED' &&
      run.closedAt !== null &&
      run.closedAt > hand.at &&
      run.closedAt < until &&
      targets.some(({ repository, to }) => repository === hand.repository && to === hand.digest),
  );

/** I8: after a person moved `:latest` by hand nothing is promoted on its own until a person adopts or corrects it. */
export function byHand(evidence: Evidence, movers: readonly Mover[]): Violation[] {
  const named = movers.filter(isNamed).flatMap((mover) => firstWrite(mover)?.at ?? []);
  const corrected = [...laneCommands(evidence, 'adopt').map(({ at }) => at), ...named];
  // A move that failed names where it left each image, a hand's too: from there on the ledger expects it, once its hold is lifted.
  // The lane learns of it by the report, before the mover ends.
  const failed = movers
    .filter(({ run }) => SAID.includes(run.failure ?? ''))
    .flatMap(
      ({ run }) => evidence.reports.find(({ moverRunId }) => moverRunId === run.runId)?.at ?? run.closedAt ?? [],
    );
  const lifted = laneCommands(evidence, 'unhold').map(({ at }) => at);
  const isAccepted = (from: number, to: number) =>
    failed.some((at) => at > from && lifted.some((one) => one > at && one < to));
  return automatic(movers).flatMap((mover) => {
    const write = firstWrite(mover) as NonNullable<ReturnType<typeof firstWrite>>;
    const noticed = (write.sentAt ?? write.at) - evidence.staleMs - evidence.slowMs - LOOK_MS;
    return mover.targets.flatMap(({ repository, to }) => {
      const last = evidence.writes.findLast((one) => one.repository === repository && one.at < noticed);
      if (last === undefined || last.by === 'gate' || corrected.some((at) => at > last.at && at < write.at)) return [];
      if (expectedAt(evidence, repository, last.at) === last.digest) return [];
      if (isConfirmed(movers, last, write.at) || isAccepted(last.at, write.at)) return [];
      // A person put the very build of the mover there meanwhile, or what the lane expects: it writes over nothing that anyone moved.
      const now = evidence.writes.findLast((one) => one.repository === repository && one.at < write.at);
      // The mover before took it for a lagging read, and wrote again: what it put there is no person's.
      if (now?.by === 'gate') return [];
      if (now && [to, expectedAt(evidence, repository, now.at)].includes(now.digest)) return [];
      const what = `${short(mover.sha)} was promoted over the :latest of ${repository} that a person had moved`;
      return [{ rule: 'I8' as const, at: write.at, what }];
    });
  });
}
