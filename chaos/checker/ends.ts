import type { Evidence, Run, Violation } from './evidence.js';
import { type Mover, SCHEDULED, short } from './movers.js';

/** Causes of failed workflow tasks that say that the code of a workflow is broken, or does not replay its history. */
const BROKEN: Record<string, string> = {
  WORKFLOW_TASK_FAILED_CAUSE_NON_DETERMINISTIC_ERROR: 'does not replay',
  WORKFLOW_TASK_FAILED_CAUSE_WORKFLOW_WORKER_UNHANDLED_FAILURE: 'failed a workflow task',
};
/** Types whose runs go on for as long as the gate. */
const ENDLESS = ['ReleaseLane', 'DeliverEvents'];

/** Types of what people start, and of the watch over it. */
const ASKED = ['CanaryRelease', 'Rollback', 'WatchProduction'];

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
  // One that a stranger starts with junk.
  AddCanaryTenant: ['ConfigInvalid'],
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
    // No person, and nothing of chaos, ends these.
    if (ASKED.includes(run.type) && ['TERMINATED', 'CANCELED'].includes(run.status))
      return said(`was ${run.status.toLowerCase()}`, run.closedAt);
    return run.status === 'TIMED_OUT' ? said('timed out', run.closedAt) : [];
  });
}

function mayFail({ type, failure, workflowId, runId }: Run, runs: readonly Run[]): boolean {
  if (!FAILURES[type]?.includes(failure ?? '')) return false;
  // The lane itself never fails.
  return type !== 'ReleaseLane' || !runs.some((one) => one.workflowId === workflowId && one.runId !== runId);
}

/** A gate that stops everything breaks no other rule: good builds are promoted if nothing is in the way, and a rejection has a cause. */
export function live(evidence: Evidence): Violation[] {
  const said = (at: number, what: string): Violation => ({ rule: 'live', at, what });
  const releases = evidence.runs.filter(({ type }) => type === 'CanaryRelease');
  const last = releases.toSorted((one, other) => one.startedAt - other.startedAt).at(-1);
  const rejected = releases.filter((run) => run.failure === 'CanaryRejected' && !isDeserved(evidence, run));
  return [
    ...rejected.map(({ workflowId, closedAt }) => said(closedAt ?? 0, `${workflowId} was rejected without a cause`)),
    ...(evidence.isCalm && last !== undefined && last.outcome !== 'promoted'
      ? [said(last.closedAt ?? last.startedAt, `${last.workflowId} was not promoted, and nothing was in its way`)]
      : []),
  ];
}

/** Whether a release had a reason to reject its build: the build is bad, or a tenant gave an error, no answer, or changed since the soak began. */
function isDeserved(
  { builds, tenants, tenantRequests, tenantStates }: Evidence,
  { input, events, startedAt, closedAt }: Run,
) {
  const sha = String(input.sha);
  if (builds.find((build) => build.sha.startsWith(sha) || sha.startsWith(build.sha))?.isRed !== false) return true;
  const soak = events.findLast(({ name }) => name === 'awaitBuild')?.at ?? startedAt;
  const watch = events.find(({ name, at }) => name === 'watchFleet' && at >= soak)?.at ?? soak;
  const isIn = ({ at, tenant }: { at: number; tenant: string }, from: number) =>
    tenants.includes(tenant) && at >= from && at <= (closedAt ?? at);
  return (
    tenantStates.some((state) => isIn(state, watch)) ||
    tenantRequests.some((one) => isIn(one, startedAt) && (one.status === undefined || one.status >= 300))
  );
}

/** I6: a mover whose only attempt was answered wrote each image once. */
export function repeated({ writes, staleMs }: Evidence, movers: readonly Mover[]): Violation[] {
  if (staleMs > 0) return [];
  return movers.flatMap((mover): Violation[] => {
    const attempts = mover.run.events.filter(({ type, name }) => type === SCHEDULED && name === 'moveTags');
    if (attempts.length !== 1 || attempts[0]?.attempt !== 1) return [];
    // Each was answered before it ended: a write since is that of the next mover to the same build.
    const answered = mover.writes.filter(({ at }) => at <= (mover.run.closedAt ?? at));
    return answered.flatMap((write): Violation[] => {
      const own = writes.filter(({ repository }) => repository === write.repository);
      const before = own[own.indexOf(write) - 1];
      if (!before || !mover.writes.includes(before) || before.sentAt || before.digest !== write.digest) return [];
      // It was carried out late: what was sent first came second.
      if ((write.sentAt ?? write.at) < before.at) return [];
      const what = `the mover of ${short(mover.sha)} wrote ${write.repository} twice`;
      return [{ rule: 'I6', at: write.at, what }];
    });
  });
}
