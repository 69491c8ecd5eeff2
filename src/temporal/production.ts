import type { Client, WorkflowExecutionInfo } from '@temporalio/client';
import { optionalTsToMs } from '@temporalio/common/lib/time.js';
import { type Lane, taskQueue, WORKFLOWS, watchProductionId } from '../contract/ids.js';
import { productionQuery } from '../contract/messages.js';
import { CanaryOutcome, CanaryTenantsRed } from '../contract/search-attributes.js';
import { parseSha } from '../contract/sha.js';
import type { WatchReport } from '../contract/tenants/production.js';
import { oneLine, time } from '../domain/markdown.js';
import type { Trouble } from './records/trouble.js';
import { earlyEnd, findRun, isOpen, queryWithin } from './runs.js';

/** Time limit of a watch's answer, in milliseconds. */
const QUERY_TIMEOUT_MS = 800;

export interface ProductionNow {
  /** `18 of 20 on it; behind: acme, globex` */
  summary: string;
  /** When the watch ended, ISO 8601; null while it is running. */
  asOf: string | null;
  /** Rollback command, if it is red. */
  back: string | null;
  /** Why production is no longer watched, if the watch ended without a result. */
  unwatched?: Trouble;
}

/** Time of the move that a watch follows, ISO 8601. One that a person started names none: it sees production since its start. */
export const watchesSince = ({ memo, startTime }: Pick<WorkflowExecutionInfo, 'memo' | 'startTime'>): string =>
  String(memo?.movedAt ?? startTime.toISOString());

/**
 * How production took a build; null if it was not watched, or no worker answers.
 * @param since time of the move to it, ISO 8601: a watch over an earlier move does not count.
 * @param isStarted whether the lane started a watch over that move: then a missing run is told.
 */
export async function productionNow(
  client: Client,
  lane: Lane,
  sha: string,
  since = '',
  isStarted = false,
): Promise<ProductionNow | null> {
  const workflowId = watchProductionId(lane, parseSha(sha));
  // The comment may be typed with the command: one that a person starts is over no move.
  const fix = `temporal workflow start --type ${WORKFLOWS.watch} --task-queue ${taskQueue(lane)} --workflow-id ${workflowId} --input '{"sha":"${sha}"}' # it only looks: no automatic rollback, no delivery`;
  const run = await findRun(client, workflowId);
  if (run === null || watchesSince(run) < since) {
    if (!isStarted || Date.now() - Date.parse(since) > (await retentionMs(client))) return null;
    const what = `was started at ${time(since)} and is not on the server: deleted before its time, so it is not known how production took ${sha}`;
    return {
      summary: `not known: ${workflowId} was deleted`,
      asOf: null,
      back: null,
      unwatched: { workflowId, what, fix },
    };
  }
  const { closeTime } = run;
  const ended = earlyEnd(run);
  if (ended !== null)
    return {
      summary: `not watched to its end: ${workflowId} ${ended}`,
      asOf: closeTime?.toISOString() ?? null,
      back: null,
      unwatched: {
        workflowId,
        what: `${ended} before its end, so production is no longer watched${redIn(run)}`,
        fix,
      },
    };
  const report = await watchReport(client, run);
  return report && { summary: report.why, asOf: run.closeTime?.toISOString() ?? null, back: report.propose };
}

/** Shortest retention of Temporal Cloud, in milliseconds. */
const LEAST_RETENTION_MS = 24 * 60 * 60_000;

/** How long the server keeps a run after its end, in milliseconds: from then on a missing one is no news. */
async function retentionMs(client: Client): Promise<number> {
  const { namespace } = client.options;
  const { config } = await client.workflowService.describeNamespace({ namespace }).catch(() => ({ config: null }));
  return optionalTsToMs(config?.workflowExecutionRetentionTtl) ?? LEAST_RETENTION_MS;
}

/** What an ended watch saw red. A cancel replaces its outcome, and leaves the tenants. */
function redIn({ typedSearchAttributes: attributes }: Pick<WorkflowExecutionInfo, 'typedSearchAttributes'>): string {
  const tenants = attributes.get(CanaryTenantsRed) ?? [];
  if (tenants.length === 0 && attributes.get(CanaryOutcome) !== 'red') return '';
  return `; it saw production red${tenants.length > 0 ? `: ${oneLine(tenants.join(', '))}` : ''}`;
}

/** `18 of 20 on it (as of 2026-11-25 12:01:05 UTC)` */
export const productionLine = ({ summary, asOf }: ProductionNow) =>
  asOf ? `${summary} (as of ${time(asOf)})` : summary;

/** The current or final report of a watch; null if no worker answers within `withinMs` milliseconds, or it failed. */
export function watchReport(
  client: Client,
  { workflowId, runId, status }: Pick<WorkflowExecutionInfo, 'workflowId' | 'runId' | 'status'>,
  withinMs = QUERY_TIMEOUT_MS,
): Promise<WatchReport | null> {
  const handle = client.workflow.getHandle(workflowId, runId, { followRuns: false });
  const readReport = (): Promise<WatchReport> => (isOpen({ status }) ? handle.query(productionQuery) : handle.result());
  return queryWithin(client, withinMs, readReport).catch(() => null);
}
