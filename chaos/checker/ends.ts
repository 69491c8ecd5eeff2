import type { Evidence, Run, Violation } from './evidence.js';
import { type Mover, SCHEDULED, short } from './movers.js';

/** Causes of failed workflow tasks that say that the code of a workflow is broken, or does not replay its history. */
const BROKEN: Record<string, string> = {
  WORKFLOW_TASK_FAILED_CAUSE_NON_DETERMINISTIC_ERROR: 'does not replay',
  WORKFLOW_TASK_FAILED_CAUSE_WORKFLOW_WORKER_UNHANDLED_FAILURE: 'failed a workflow task',
};
/** Types whose runs go on for as long as the gate. */
const ENDLESS = ['ReleaseLane', 'DeliverEvents'];

const MOVES = ['MoveRefused', 'MoveFailed', 'PairSplit', 'TimedOut'];
const REGISTRY = ['BuildNotFound', 'RegistryDenied', 'RegistryUnavailable', 'ConfigInvalid'];
/** Failures with which a run of a type may end: what docs/reference.md lists, and nothing that no one foresaw. */
const FAILURES: Record<string, readonly string[]> = {
  CanaryRelease: [
    ...MOVES,
    ...REGISTRY,
    'CanaryRejected',
    'CanaryBuildBad',
    'CanaryHoldExpired',
    'CanaryAborted',
    'SecretMissing',
  ],
  Rollback: [...MOVES, ...REGISTRY, 'CanaryAborted'],
  MoveLatest: [...MOVES, ...REGISTRY],
  // One that a stranger starts under another id.
  ReleaseLane: ['ConfigInvalid'],
  CheckDrift: [...REGISTRY, 'TimedOut'],
  WatchProduction: ['ConfigInvalid'],
};

/** I6: every run has ended as one of its type may, none timed out, and no history differs from its code. */
export function lost({ runs }: Evidence): Violation[] {
  return runs.flatMap((run): Violation[] => {
    const said = (what: string, at: number): Violation[] => [{ rule: 'I6', at, what: `${run.workflowId} ${what}` }];
    const broken = run.events.find(({ type, name }) => type === 'WorkflowTaskFailed' && name in BROKEN);
    if (broken) return said(BROKEN[broken.name] ?? '', broken.at);
    if (run.status === 'FAILED' && !mayFail(run, runs))
      return said(`failed as ${run.failure || 'nothing'}`, run.closedAt ?? 0);
    if (ENDLESS.includes(run.type)) return [];
    if (run.closedAt === null) return said('has not ended', run.events.at(-1)?.at ?? run.startedAt);
    return run.status === 'TIMED_OUT' ? said('timed out', run.closedAt) : [];
  });
}

function mayFail({ type, failure, workflowId, runId }: Run, runs: readonly Run[]): boolean {
  if (!FAILURES[type]?.includes(failure ?? '')) return false;
  // The lane itself never fails.
  return type !== 'ReleaseLane' || !runs.some((one) => one.workflowId === workflowId && one.runId !== runId);
}

/** I6: a mover whose only attempt was answered wrote each image once. */
export function repeated({ writes, staleMs }: Evidence, movers: readonly Mover[]): Violation[] {
  if (staleMs > 0) return [];
  return movers.flatMap((mover): Violation[] => {
    const attempts = mover.run.events.filter(({ type, name }) => type === SCHEDULED && name === 'moveTags');
    if (attempts.length !== 1 || attempts[0]?.attempt !== 1) return [];
    return mover.writes.flatMap((write): Violation[] => {
      const own = writes.filter(({ repository }) => repository === write.repository);
      const before = own[own.indexOf(write) - 1];
      if (!before || !mover.writes.includes(before) || before.isUnanswered || before.digest !== write.digest) return [];
      const what = `the mover of ${short(mover.sha)} wrote ${write.repository} twice`;
      return [{ rule: 'I6', at: write.at, what }];
    });
  });
}
