import { WorkflowExecutionAlreadyStartedError } from '@temporalio/common';
import {
  ApplicationFailure,
  ChildWorkflowFailure,
  isCancellation,
  setCurrentDetails,
  startChild,
  upsertSearchAttributes,
} from '@temporalio/workflow';
import { rollbackId } from '../../src/contract/ids.js';
import type { RollbackInput } from '../../src/contract/release.js';
import * as attributes from '../../src/contract/search-attributes.js';
import { type Sha, shortSha } from '../../src/contract/sha.js';
import {
  AUTO_ROLLBACK,
  type WatchPlan,
  type WatchReport,
  type WatchState,
} from '../../src/contract/tenants/production.js';
import { rollbackCommand, watchDetails } from '../../src/domain/production.js';
import { isBeyond, redNames, whyTooLittle } from '../../src/domain/production-watch.js';
import { Rollback } from '../rollback.js';
import { reads } from '../shared/activity-options.js';
import { alarm, type EventFeed } from '../shared/events.js';
import { requireNotCancelled, unwrapFailure } from '../shared/failures.js';
import { ownLane } from '../shared/own-lane.js';

/** Longest reason of an automatic rollback, in characters: an input has a limit. */
const MAX_REASON = 300;

/** Production has a new red tenant: proposes the rollback, and begins it where the policy says so. The first one raises an alarm. */
export async function productionIsRed(
  feed: EventFeed,
  report: WatchReport,
  plan: WatchPlan,
  seen: WatchState,
): Promise<void> {
  const { sha, propose, tenants } = report;
  const { why } = report;
  report.propose = rollbackCommand(report);
  const fix = plan.autoRollback === 'off' ? '' : `; to go back: ${report.propose}`;
  if (propose === null) alarm(feed, 'production-red', { why: `${shortSha(sha)}: ${why}${fix}` });
  setCurrentDetails(watchDetails(report));
  upsertSearchAttributes([
    { key: attributes.CanaryOutcome, value: 'red' },
    { key: attributes.CanaryTenantsRed, value: redNames(tenants, plan) },
  ]);
  await rollBackByPolicy(feed, report, plan, seen);
}

/** Begins the rollback of the policy, once for each watch and so for each move; else an alarm asks a person, and says why. */
async function rollBackByPolicy(
  feed: EventFeed,
  report: WatchReport,
  plan: WatchPlan,
  seen: WatchState,
): Promise<void> {
  const { autoRollback } = plan;
  if (autoRollback === undefined || autoRollback === 'off') return;
  if (report.rollback !== undefined || !isBeyond(autoRollback, report.tenants)) return;
  const { sha, why, movedAt = report.started } = report;
  const calls = reads('choose the target of an automatic rollback');
  const choice = await calls.chooseRollback({ sha, movedAt }).catch((error: unknown) => {
    requireNotCancelled();
    return { ask: unwrapFailure(error).message };
  });
  const ask = 'ask' in choice ? choice.ask : whyTooLittle(seen, Date.now());
  report.rollback =
    'ask' in choice || ask !== null ? `no automatic rollback: ${ask}` : await begin(feed, report, choice.target, why);
  report.why += `; ${report.rollback}`;
  alarm(feed, 'production-red', { why: `${shortSha(sha)}: ${report.rollback}` });
  setCurrentDetails(watchDetails(report));
}

/** Notes that the rollback did not go through, which it has told by an alarm itself, unless it was terminated. A person who aborted it knows. */
function noteFailure(feed: EventFeed, report: WatchReport, target: Sha, error: unknown): void {
  if (isCancellation(error) || report.outcome !== 'watching') return;
  const cause = error instanceof ChildWorkflowFailure ? error.cause : error;
  const failed = cause instanceof ApplicationFailure ? cause.message : null;
  report.rollback = `automatic rollback to ${shortSha(target)} has failed: ${failed ?? 'it was terminated'}`;
  if (failed === null) alarm(feed, 'production-red', { why: `${shortSha(report.sha)}: ${report.rollback}` });
  setCurrentDetails(watchDetails(report));
}

/** Begins the rollback, which goes on when the watch ends. It moves nothing unless the build is still live. */
async function begin(feed: EventFeed, report: WatchReport, target: Sha, why: string): Promise<string> {
  const { sha } = report;
  const workflowId = rollbackId(ownLane(), target);
  const reason = `${shortSha(sha)} is red in production: ${why}`.slice(0, MAX_REASON);
  const input: RollbackInput = { sha: target, reason, requestedBy: AUTO_ROLLBACK, onlyFrom: sha };
  try {
    const child = await startChild(Rollback, {
      workflowId,
      args: [input],
      workflowTaskTimeout: '2s',
      parentClosePolicy: 'ABANDON',
      staticSummary: `roll back to ${shortSha(target)} by policy`,
    });
    void child.result().catch((error: unknown) => noteFailure(feed, report, target, error));
    return `automatic rollback to ${shortSha(target)} has begun`;
  } catch (error) {
    if (!(error instanceof WorkflowExecutionAlreadyStartedError)) throw error;
    return `no automatic rollback: ${workflowId} is running already`;
  }
}
