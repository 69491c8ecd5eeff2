import type { Evidence, Run, Violation } from './evidence.js';
import { buildOf, LOOK_MS, latestAt, type Mover, short } from './movers.js';

/** Outcomes that say where `:latest` is. */
const MOVED = ['promoted', 'rolled-back', 'already'];

/** I2: a run that reports that `:latest` is on its build left it there, or found it there. */
export function reported(evidence: Evidence, movers: readonly Mover[]): Violation[] {
  return evidence.runs.flatMap((run): Violation[] => {
    const { closedAt, outcome, input, workflowId } = run;
    if (closedAt === null || !MOVED.includes(outcome ?? '')) return [];
    const sha = String(input.sha);
    const from = lookedFrom(evidence, run, movers);
    const writes = evidence.writes.filter(({ at }) => at > from && at <= closedAt);
    const left = [from, ...writes.map(({ at }) => at)].map((at) => elsewhere(evidence, sha, at));
    // A hand between its two writes, which reads that lag do not show: each image was there, and not both at once.
    const isMixed = writes.some(({ by }) => by !== 'gate');
    const wasThere = (repository: string) => left.some((one) => !one.includes(repository));
    if (left.some((one) => one.length === 0) || (isMixed && evidence.repositories.every(wasThere))) return [];
    const what = `${workflowId} ended ${outcome}, and :latest was never on ${short(sha)} since it began to move`;
    return [{ rule: 'I2', at: closedAt, what }];
  });
}

/** Images whose `:latest` was not on a build at a time. */
function elsewhere(evidence: Evidence, sha: string, at: number): string[] {
  const digests = buildOf(evidence, sha)?.digests ?? {};
  return evidence.repositories.filter(
    (repository) => !digests[repository]?.includes(latestAt(evidence, repository, at) ?? ''),
  );
}

/** Time from which on a run may have seen `:latest` on its build: another run may move it before this one has ended. */
function lookedFrom({ staleMs, slowMs }: Evidence, run: Run, movers: readonly Mover[]): number {
  const own = movers.findLast(({ run: one }) => one.parentRunId === run.runId && one.status === 'COMPLETED');
  return (own?.run.startedAt ?? run.startedAt) - LOOK_MS - staleMs - slowMs;
}

/** I2: a rollback past Temporal that ended well left each image on its build, unless another one wrote meanwhile. */
export function direct(evidence: Evidence): Violation[] {
  const { writes } = evidence;
  return evidence.direct.flatMap(({ from, to, sha, isDone }): Violation[] => {
    const isAlone = writes.every(({ at, by }) => by === 'direct' || at < from || at > to);
    const left = elsewhere(evidence, sha, to);
    if (!isDone || !isAlone || left.length === 0) return [];
    return [
      { rule: 'I2', at: to, what: `--direct to ${short(sha)} ended well, and left ${left.join(', ')} elsewhere` },
    ];
  });
}

/** The evidence itself: what the registry has at the end is what the log of writes says. */
export function logged({ repositories, writes, latest }: Evidence): Violation[] {
  return repositories.flatMap((repository): Violation[] => {
    const last = writes.findLast((write) => write.repository === repository);
    const now = latest[repository] ?? null;
    if (now === (last?.digest ?? null)) return [];
    const what = `:latest of ${repository} is ${now?.slice(0, 19) ?? 'gone'}, which no write of the log put there`;
    return [{ rule: 'log', at: last?.at ?? 0, what }];
  });
}

/** I2, alarms: an alarm whose publication was answered is a line in the log of a worker. */
export function alarmed({ runs, texts }: Evidence): Violation[] {
  const logs = texts.filter(({ name }) => name.startsWith('log of '));
  return runs.flatMap(({ workflowId, events }) =>
    events.flatMap(({ at, name, alarm, isDone }): Violation[] => {
      if (alarm === undefined || !isDone || logs.some(({ text }) => text.includes(alarm))) return [];
      return [{ rule: 'alarm', at, what: `${name} of ${workflowId} is in no log of a worker` }];
    }),
  );
}
