import type { Evidence, Violation } from './evidence.js';
import { IN_FLIGHT_MS, latestAt, type Mover } from './movers.js';

/** Cause of a failed workflow task whose code does not replay the history. */
const NON_DETERMINISTIC = 'WORKFLOW_TASK_FAILED_CAUSE_NON_DETERMINISTIC_ERROR';
/** Types whose runs go on for as long as the gate. */
const ENDLESS = ['ReleaseLane', 'DeliverEvents'];
/** Shortest part of a secret that gives it away, in characters. */
const PART = 8;

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
        what: `the mover of ${sha.slice(0, 7)} completed, and ${repository}:latest is elsewhere`,
      }));
  });
  return [...split, ...movers.flatMap((mover) => notRestored(evidence, mover)), ...atTheEnd(evidence, movers)];
}

/** A mover that failed without `PairSplit` left its images together: all at their targets, or all where they were. */
function notRestored(evidence: Evidence, { run, targets, writes, sha }: Mover): Violation[] {
  if (run.failure !== 'MoveFailed' || run.closedAt === null || writes.length === 0) return [];
  const closedAt = run.closedAt;
  if (targets.some(({ repository }) => handsIn(evidence, repository, run.startedAt, closedAt))) return [];
  const found = targets.map(({ repository, to }) => latestAt(evidence, repository, closedAt) === to);
  if (found.every((isMoved) => isMoved) || !found.includes(true)) return [];
  return [{ rule: 'I2', at: closedAt, what: `the mover of ${sha.slice(0, 7)} left half a pair, and did not say so` }];
}

const handsIn = ({ writes }: Evidence, repository: string, from: number, to: number) =>
  writes.some(
    (write) => write.by === 'person' && write.repository === repository && write.at >= from && write.at <= to,
  );

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
  const { repositories, builds, latest, writes } = evidence;
  const isWhole = builds.some(({ digests }) =>
    repositories.every((repository) => digests[repository]?.includes(latest[repository] ?? '')),
  );
  const last = writes.at(-1);
  if (isWhole || last === undefined || last.by === 'person' || isSaid(evidence, movers)) return [];
  const where = repositories.map((repository) => `${repository} ${latest[repository]?.slice(0, 19)}`).join(', ');
  return [{ rule: 'I2', at: last.at, what: `:latest is on two builds, and no run says so: ${where}` }];
}

/** I6: every run has ended, none timed out, and no history differs from its code. */
export function lost({ runs }: Evidence): Violation[] {
  return runs.flatMap((run): Violation[] => {
    const said = (what: string, at: number): Violation[] => [{ rule: 'I6', at, what: `${run.workflowId} ${what}` }];
    const broken = run.events.find(({ type, name }) => type === 'WorkflowTaskFailed' && name === NON_DETERMINISTIC);
    if (broken) return said('does not replay', broken.at);
    if (ENDLESS.includes(run.type)) return [];
    if (run.closedAt === null) return said('has not ended', run.events.at(-1)?.at ?? run.startedAt);
    return run.status === 'TIMED_OUT' ? said('timed out', run.closedAt) : [];
  });
}

/** I5: no part of a secret is in a log or a history. */
export function secrets({ secrets: all, texts }: Evidence): Violation[] {
  return texts.flatMap(({ name, text }) =>
    all.some((secret) => parts(secret).some((part) => text.includes(part)))
      ? [{ rule: 'I5' as const, at: 0, what: `${name} has a part of a secret` }]
      : [],
  );
}

const parts = (secret: string) =>
  Array.from({ length: Math.max(1, secret.length - PART + 1) }, (_, index) => secret.slice(index, index + PART));
