import { isCancellation, patched, setCurrentDetails } from '@temporalio/workflow';
import { shortSha } from '../../src/contract/sha.js';
import type { WatchPlan, WatchReport } from '../../src/contract/tenants/production.js';
import { watchDetails } from '../../src/domain/production.js';
import { redeploys } from '../shared/activity-options.js';
import { alarm, type EventFeed } from '../shared/events.js';
import { unwrapFailure } from '../shared/failures.js';

/** Has the control plane take the build to production, beside the watch. What fails raises an alarm; the watch goes on. */
export async function deliver(feed: EventFeed, report: WatchReport): Promise<void> {
  const { sha, movedAt = report.started } = report;
  const { delivered, why } = await redeploys(`redeploy production with ${shortSha(sha)}`)
    .deliverBuild({ sha, movedAt })
    .catch((error: unknown) => {
      if (isCancellation(error)) throw error;
      return { delivered: false, why: unwrapFailure(error).message };
    });
  report.delivery = `${delivered ? 'delivered' : 'NOT DELIVERED'}: ${why}`;
  report.why = withDelivery(report, report.why);
  setCurrentDetails(watchDetails(report));
  if (!delivered) alarm(feed, 'not-delivered', { why: `${shortSha(sha)}: ${why}` });
}

/** Whether a stretch of a watch that is over is followed by one more, because the control plane is at work still. One that could not be watched is not: the next would not be either. */
export function watchesOn(
  { delivery }: WatchReport,
  { delivers }: WatchPlan,
  end: string | null,
  why?: string,
): boolean {
  const isOpen = delivers === true && delivery === undefined;
  return isOpen && why === undefined && (end === null || end === 'bound') && patched('watched-while-delivered');
}

/** A summary of production, with what became of the delivery. */
export const withDelivery = ({ delivery }: WatchReport, why: string) => (delivery ? `${why}; ${delivery}` : why);

/** Tells a person that a move is not watched, and not delivered: the plan, which says whether to order, could not be read. One who started the watch by hand sees it. */
export function noteUnwatched(feed: EventFeed, { sha, movedAt }: WatchReport, why: string): void {
  if (movedAt === undefined || !patched('production-unwatched')) return;
  const fix = 'if the control plane delivers builds, have it redeploy by hand';
  alarm(feed, 'production-unwatched', { why: `${shortSha(sha)}: ${why} (${fix})` });
}
