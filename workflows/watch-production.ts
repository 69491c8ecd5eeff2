import { ContinueAsNew, isCancellation, setCurrentDetails, upsertSearchAttributes } from '@temporalio/workflow';
import { watchProductionId } from '../src/contract/ids.js';
import { productionQuery, productionTenantsSignal } from '../src/contract/messages.js';
import * as attributes from '../src/contract/search-attributes.js';
import { shortSha } from '../src/contract/sha.js';
import type {
  ProductionSeen,
  WatchInput,
  WatchOutcome,
  WatchPlan,
  WatchReport,
  WatchState,
} from '../src/contract/tenants/production.js';
import { parseWatchInput } from '../src/domain/inputs.js';
import { parseProductionSeen } from '../src/domain/payloads/seen.js';
import * as production from '../src/domain/production.js';
import { turnedRed } from '../src/domain/production-watch.js';
import { carriedBy } from './production/carried-watch.js';
import { deliver, noteUnwatched, watchesOn, withDelivery } from './production/delivery.js';
import { productionIsRed } from './production/red.js';
import { productionWatches, reads } from './shared/activity-options.js';
import { type EventFeed, openFeed } from './shared/events.js';
import { unwrapFailure } from './shared/failures.js';
import { onQuery, onSignal } from './shared/handlers.js';
import { readInput } from './shared/run.js';
import { continueOnCurrent } from './versions/continue-on-current.js';

/** Watches production take a build, and bake. It reports and proposes; by `CANARY_AUTO_ROLLBACK` it begins a `Rollback`, once. */
export async function WatchProduction(typed: unknown, given: unknown = null): Promise<WatchReport> {
  const input = readInput(() => parseWatchInput(typed), watchProductionId);
  const feed = openFeed(input.sha);
  const carried = carriedBy(given);
  const names: string[] = [];
  const report = begin(input, carried?.report, names);
  let planned = carried;
  try {
    planned ??= { report, ...(await reads('read the production fleet').loadWatchPlan(input)) };
    const { plan, seen } = planned;
    names.push(...plan.tenants.map(({ name }) => name));
    report.until ??= new Date(Date.now() + plan.watchMs).toISOString();
    const delivery = plan.delivers && !carried ? deliver(feed, report) : null;
    const [next] = await Promise.all([watch(feed, report, plan, seen), delivery]);
    if (next) await continueOnCurrent<typeof WatchProduction>(typed, { report, plan, seen: next });
    return report;
  } catch (error) {
    if (error instanceof ContinueAsNew) throw error;
    const fault = isCancellation(error) ? null : unwrapFailure(error);
    const outcome = fault?.type ?? 'CanaryAborted';
    if (fault && !planned) noteUnwatched(feed, report, fault.message);
    feed.emit({ type: 'production-watched', outcome, why: fault?.message ?? 'cancelled' });
    upsertSearchAttributes([{ key: attributes.CanaryOutcome, value: outcome }]);
    throw fault ?? error;
  } finally {
    await feed.flush();
  }
}

/** @param names tenants that are watched, once the plan is known. */
function begin(input: WatchInput, carried: WatchReport | undefined, names: readonly string[]): WatchReport {
  const started = new Date().toISOString();
  const report: WatchReport = carried ?? {
    ...input,
    outcome: 'watching',
    why: 'begins',
    propose: null,
    tenants: [],
    bakingSince: null,
    bake: null,
    started,
    until: null,
  };
  onQuery(productionQuery, () => report, 'How production takes the build');
  // A signal only refreshes what people see: it raises no alarm.
  const parse = (sent: unknown) => parseProductionSeen(sent, names);
  onSignal(productionTenantsSignal, parse, (seen) => {
    if (report.outcome === 'watching') note(report, seen);
  });
  if (!carried)
    upsertSearchAttributes([
      { key: attributes.CanarySha, value: input.sha },
      { key: attributes.CanaryPhase, value: 'watching' },
      { key: attributes.CanaryPhaseSince, value: new Date(started) },
    ]);
  return report;
}

/** Lets one activity poll, again after each tenant that turns red; if no worker can, what is known is no proof. Returns what it has seen if another run must continue; else the report has its outcome. */
async function watch(
  feed: EventFeed,
  report: WatchReport,
  plan: WatchPlan,
  seen: WatchState,
): Promise<WatchState | null> {
  const { sha, movedAt = report.started } = report;
  const { watchMs } = plan;
  const activities = productionWatches(plan, `watch ${plan.tenants.length} tenants take ${shortSha(sha)}`);
  for (let known = seen; ; ) {
    const result = await activities.watchProduction({ sha, movedAt }, plan, known).catch((error: unknown) => {
      if (isCancellation(error)) throw error;
      return { seen: known, end: 'bound' as const, why: `not watched to its end (${unwrapFailure(error).message})` };
    });
    const { tenants, bake } = result.seen;
    report.bake = bake;
    note(report, { tenants, bakingSince: null });
    report.why += production.describeLeft(plan, tenants);
    const isNewlyRed = turnedRed(known.tenants, tenants);
    known = result.seen;
    if (isNewlyRed) await productionIsRed(feed, report, plan, known);
    if (result.end === null && isNewlyRed) continue;
    if (watchesOn(report, plan, result.end, result.why)) {
      // The time to take the build and bake counts from now.
      plan.watchMs = known.watchedMs + watchMs;
      report.until = new Date(Date.now() + watchMs).toISOString();
      continue;
    }
    if (result.end === null) return known;
    if (result.why) report.why = `${result.why}; ${report.why}`;
    const followed = result.end === 'followed' ? 'followed' : 'partly';
    end(feed, report, result.end === 'superseded' ? 'superseded' : report.propose === null ? followed : 'red');
    return null;
  }
}

/** Records an observation. */
function note(report: WatchReport, seen: ProductionSeen): void {
  Object.assign(report, seen);
  const rollback = report.rollback ? `; ${report.rollback}` : '';
  report.why = withDelivery(report, production.describeProduction(report) + rollback);
  setCurrentDetails(production.watchDetails(report));
}

function end(feed: EventFeed, report: WatchReport, outcome: WatchOutcome): void {
  report.outcome = outcome;
  report.until = new Date().toISOString();
  if (outcome !== 'red') report.propose = null;
  setCurrentDetails(production.watchDetails(report));
  feed.emit({ type: 'production-watched', outcome, why: report.why });
  upsertSearchAttributes([
    { key: attributes.CanaryPhase, value: 'done' },
    { key: attributes.CanaryPhaseSince, value: new Date() },
    { key: attributes.CanaryOutcome, value: outcome },
  ]);
}
