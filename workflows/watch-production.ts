import {
  isCancellation,
  proxyActivities,
  setCurrentDetails,
  setHandler,
  sleep,
  upsertSearchAttributes,
} from '@temporalio/workflow';
import type { ReleaseActivities, Watched } from '../activities/index.js';
import { watchProductionId } from '../src/contract/ids.js';
import { productionQuery, productionTenantsSignal } from '../src/contract/messages.js';
import * as attributes from '../src/contract/search-attributes.js';
import { shortSha } from '../src/contract/sha.js';
import type {
  SeenTenant,
  WatchInput,
  WatchOutcome,
  WatchPlan,
  WatchReport,
} from '../src/contract/tenants/production.js';
import { fitNames } from '../src/domain/fit.js';
import { parseWatchInput } from '../src/domain/inputs.js';
import * as production from '../src/domain/production.js';
import { reads, watchOptions } from './shared/activity-options.js';
import { alarm, type EventFeed, openFeed } from './shared/events.js';
import { unwrapFailure } from './shared/failures.js';
import { firstOf } from './shared/race.js';
import { readInput } from './shared/run.js';

/** Time after the deadline for the activity's last result, in milliseconds. */
const FINAL_REPORT_MS = 30_000;

/** Watches production take a build through two update cycles. It reports and proposes, and never moves anything. */
export async function WatchProduction(typed: unknown): Promise<WatchReport> {
  const input = readInput(() => parseWatchInput(typed), watchProductionId);
  const feed = openFeed(input.sha);
  const state = begin(input, feed);
  try {
    const plan = await reads('read the production fleet').loadWatchPlan();
    const until = Date.now() + plan.watchMs;
    state.until = new Date(until).toISOString();
    note(feed, state, state.tenants);
    const { tenants, superseded } = await watch(state, plan, until);
    note(feed, state, tenants ?? state.tenants);
    if (superseded) state.why = `superseded by a ${superseded}; ${state.why}`;
    end(feed, state, superseded ? 'superseded' : production.outcomeOf(state.tenants, state.sha));
    return state;
  } catch (error) {
    const fault = isCancellation(error) ? null : unwrapFailure(error);
    upsertSearchAttributes([{ key: attributes.CanaryOutcome, value: fault?.type ?? 'CanaryAborted' }]);
    throw fault ?? error;
  } finally {
    await feed.flush();
  }
}

function begin(input: WatchInput, feed: EventFeed): WatchReport {
  const started = new Date().toISOString();
  const state: WatchReport = {
    ...input,
    outcome: 'watching',
    why: 'begins',
    propose: null,
    tenants: [],
    started,
    until: null,
  };
  setHandler(productionQuery, () => state, { description: 'How production takes the build' });
  setHandler(productionTenantsSignal, (seen) => {
    if (state.outcome === 'watching' && areSeen(seen)) note(feed, state, seen);
  });
  upsertSearchAttributes([
    { key: attributes.CanarySha, value: input.sha },
    { key: attributes.CanaryPhase, value: 'watching' },
    { key: attributes.CanaryPhaseSince, value: new Date(started) },
  ]);
  return state;
}

/** Races a durable deadline against one activity that polls; the first to end cancels the other. */
function watch(state: WatchReport, plan: WatchPlan, until: number): Promise<Partial<Watched>> {
  const { sha, movedAt = state.started } = state;
  const summary = `watch ${plan.tenants.length} tenants take ${shortSha(sha)}`;
  const activities = proxyActivities<ReleaseActivities>({ ...watchOptions({ soakMs: plan.watchMs }), summary });
  return firstOf<Partial<Watched>>(() => [
    sleep(until + FINAL_REPORT_MS - Date.now(), { summary: 'two update cycles' }).then(() => ({})),
    activities.watchProduction({ sha, movedAt }, plan, until),
  ]);
}

/** Records an observation; the first red tenant raises an alarm at once. */
function note(feed: EventFeed, state: WatchReport, tenants: SeenTenant[]): void {
  state.tenants = tenants;
  state.why = production.describeProduction(tenants, state.sha);
  const isRed = tenants.some(({ red }) => red !== undefined);
  if (isRed && state.propose === null) {
    state.propose = production.rollbackCommand(state.before);
    alarm(feed, 'production-red', { why: `${shortSha(state.sha)}: ${state.why}; to go back: ${state.propose}` });
  }
  setCurrentDetails(production.watchDetails(state));
}

function end(feed: EventFeed, state: WatchReport, outcome: WatchOutcome): void {
  const { why, tenants } = state;
  state.outcome = outcome;
  state.until = new Date().toISOString();
  if (outcome !== 'red') state.propose = null;
  setCurrentDetails(production.watchDetails(state));
  feed.emit({ type: 'production-watched', outcome, why });
  upsertSearchAttributes([
    { key: attributes.CanaryPhase, value: 'done' },
    { key: attributes.CanaryPhaseSince, value: new Date() },
    { key: attributes.CanaryOutcome, value: outcome },
    { key: attributes.CanaryTenantsRed, value: fitNames(tenants.filter(({ red }) => red).map(({ tenant }) => tenant)) },
  ]);
}

/** Checks the payload of a signal that any client may send. */
function areSeen(seen: unknown): seen is SeenTenant[] {
  const isText = (value: unknown) => typeof value === 'string' && value.length < 1_000;
  const isTextOr = (other: null | undefined, value: unknown) => value === other || isText(value);
  return (
    Array.isArray(seen) &&
    seen.every((one) => {
      const { tenant, build, tookAt, live, red } = Object(one) as Record<string, unknown>;
      const known = isText(tenant) && isTextOr(null, build) && isTextOr(null, tookAt) && isTextOr(undefined, red);
      return known && (live === 'pass' || live === 'fail' || live === 'could-not-test');
    })
  );
}
