import type { Client, WorkflowExecutionInfo } from '@temporalio/client';
import { RETRY_BUDGET_MS } from '../../src/config/plan.js';
import type { Config } from '../../src/config/schema.js';
import { WAITED_FOR } from '../../src/contract/hold.js';
import {
  type Lane,
  moveTaskQueue,
  parseRunId,
  releaseLaneId,
  taskQueue,
  WORKFLOWS,
  waitTaskQueue,
  watchProductionId,
} from '../../src/contract/ids.js';

import type { LaneState } from '../../src/contract/lane.js';
import type { ReleasePhase } from '../../src/contract/release.js';
import {
  CanaryOutcome,
  CanaryPhase,
  CanaryPhaseSince,
  CanaryTenantsRed,
  CanaryWaitingFor,
} from '../../src/contract/search-attributes.js';
import { stuckRuns } from '../../src/doctor/runs.js';
import { LIFTS, laneView, openAlarms } from '../../src/lane/view.js';
import type { Sample } from '../../src/metrics/metrics.js';
import { OPEN_ALARMS, withGate } from '../../src/metrics/table.js';
import { laneState } from '../../src/temporal/lane-client.js';
import { isUnserved } from '../../src/temporal/lane-view.js';
import { workersOn } from '../../src/temporal/pollers.js';
import { watchesSince } from '../../src/temporal/production.js';
import { listRunsOf } from '../../src/temporal/records/listing.js';
import { findRun } from '../../src/temporal/runs.js';

type Values = Omit<Sample, 'labels'> & { labels?: Record<string, string> };

/** Part of a collection. It sends no query and needs no other worker, so it tells of a lane that none serves. */
export type Part = () => Promise<Sample[]>;

interface OpenRun {
  workflowId: string;
  phase: string | null;
  /** Start of its phase, epoch in milliseconds. */
  since: number;
  started: number;
  waitingFor: string | null;
}

/** Most open runs that are listed. */
const MAX_RUNS = 200;

/** Parts of the collection of one lane. */
export function partsOf(client: Client, config: Config): Part[] {
  const { lane } = config;
  const labelled = async (values: Promise<Values[]>): Promise<Sample[]> =>
    (await values).map(({ name, labels = {}, value }) => ({ name, labels: withGate(lane, labels), value }));
  const readLane = async () => {
    const state = await readState(client, lane);
    const [holder, red] = await Promise.all([holderOf(client, state), redTenants(client, lane, state)]);
    return ofLane(state, holder, red);
  };
  return [
    () => labelled(configured(config)),
    () => labelled(readLane()),
    () => labelled(openRuns(client, lane).then(ofPeople)),
    () => labelled(ofStuck(client, lane)),
    () => labelled(isUnserved(client, lane).then((is) => [{ name: 'canary_lane_unserved', value: Number(is) }])),
  ];
}

/** Part of the collection about the workers, which are the same for all gates of a process. */
export function workersPart(client: Client, lane: Lane): Part {
  const queues = [
    ['release', taskQueue(lane), 'workflow'],
    ['move', moveTaskQueue(lane), 'activity'],
    ['wait', waitTaskQueue(lane), 'activity'],
  ] as const;
  return () =>
    Promise.all(
      queues.map(async ([queue, name, kind]): Promise<Sample> => {
        const identities = await workersOn(client, name, kind);
        return { name: 'canary_workers', labels: { queue }, value: new Set(identities).size };
      }),
    );
}

/** The state of the lane; null if there has never been one.
 * @throws if it cannot be read. */
async function readState(client: Client, lane: Lane): Promise<LaneState | null> {
  const found = await laneState(client, lane);
  if (found !== null) return found;
  if ((await findRun(client, releaseLaneId(lane))) === null) return null;
  throw new Error('the state of the lane could not be read');
}

/** Nothing of a server that does not mark runs that are stuck: it is too old, for ever, which is no fault of the collection. */
const ofStuck = (client: Client, lane: Lane): Promise<Values[]> =>
  stuckRuns(client, lane).then((stuck) => (stuck === null ? [] : [{ name: 'canary_stuck_runs', value: stuck.length }]));

/** Open runs, those that a person has paused included. */
async function openRuns(client: Client, lane: Lane): Promise<OpenRun[]> {
  const types = `'${WORKFLOWS.release}', '${WORKFLOWS.rollback}'`;
  const query = `TaskQueue = '${taskQueue(lane)}' AND CloseTime IS NULL AND WorkflowType IN (${types})`;
  return (await listRunsOf(client, lane, query, MAX_RUNS)).map(toOpenRun);
}

function toOpenRun({ workflowId, startTime, typedSearchAttributes }: Omit<WorkflowExecutionInfo, 'raw'>): OpenRun {
  const started = startTime.getTime();
  return {
    workflowId,
    phase: typedSearchAttributes.get(CanaryPhase) ?? null,
    since: typedSearchAttributes.get(CanaryPhaseSince)?.getTime() ?? started,
    started,
    waitingFor: typedSearchAttributes.get(CanaryWaitingFor) ?? null,
  };
}

/** The holder of the lane, described: visibility, which lists runs, may be down alone. */
async function holderOf(client: Client, state: LaneState | null): Promise<OpenRun | null> {
  const { workflowId, runId } = state?.holder ?? {};
  const run = workflowId === undefined ? null : await findRun(client, workflowId, runId);
  return run && toOpenRun(run);
}

/** Red production tenants on the live build, by the watch over the move to it, which tells of them in its search attributes. */
async function redTenants(client: Client, lane: Lane, state: LaneState | null): Promise<number> {
  const { live, movedAt } = state ? laneView(state, Date.now()) : { live: null, movedAt: null };
  const watch = live?.sha ? await findRun(client, watchProductionId(lane, live.sha)) : null;
  if (!live || !watch || watchesSince(watch) < (movedAt ?? live.at)) return 0;
  const { typedSearchAttributes: attributes } = watch;
  if (attributes.get(CanaryOutcome) !== 'red') return 0;
  return Math.max(1, attributes.get(CanaryTenantsRed)?.length ?? 0);
}

function ofLane(state: LaneState | null, holder: OpenRun | null, redInProduction: number): Values[] {
  const now = Date.now();
  const view = state && laneView(state, now);
  const promotion = state?.ledger.history.findLast(({ kind }) => kind === 'promotion');
  const pause = view?.pause ?? null;
  const alarms = [...(state ? openAlarms(state) : []), ...(redInProduction > 0 ? ['production-red'] : [])];
  return [
    { name: 'canary_queue_length', value: view?.queue.length ?? 0 },
    ...Object.keys(LIFTS).map(
      (hold): Values => ({ name: 'canary_lane_held', labels: { hold }, value: Number(view?.hold?.name === hold) }),
    ),
    { name: 'canary_paused', value: Number(pause !== null) },
    { name: 'canary_paused_seconds', value: pause === null ? 0 : secondsSince(Date.parse(pause.since), now) },
    ...OPEN_ALARMS.map(
      (alarm): Values => ({ name: 'canary_alarm_open', labels: { alarm }, value: Number(alarms.includes(alarm)) }),
    ),
    { name: 'canary_production_red_tenants', value: redInProduction },
    { name: 'canary_rollback_targets_missing', value: view?.missing.length ?? 0 },
    ...(promotion
      ? [{ name: 'canary_last_promotion_timestamp_seconds', value: Date.parse(promotion.at) / 1_000 } as const]
      : []),
    ...(holder?.phase
      ? [
          {
            name: 'canary_phase_seconds',
            labels: { phase: holder.phase },
            value: secondsSince(holder.since, now),
          } as const,
        ]
      : []),
  ];
}

function ofPeople(runs: OpenRun[]): Values[] {
  const now = Date.now();
  const rollbacks = runs.filter(({ workflowId }) => parseRunId(workflowId).isRollback);
  return [
    { name: 'canary_rollback_seconds', value: secondsSince(oldest(rollbacks.map(({ started }) => started)), now) },
    ...WAITED_FOR.flatMap((hold): Values[] => {
      const waiting = runs.filter(({ waitingFor }) => waitingFor === hold);
      const since = oldest(waiting.map((run) => run.since));
      return [
        { name: 'canary_waiting', labels: { hold }, value: waiting.length },
        { name: 'canary_waiting_seconds', labels: { hold }, value: secondsSince(since, now) },
      ];
    }),
  ];
}

/** Longest time in each phase, as configured; a release with a longer soak of its own takes longer. */
async function configured({
  soakMs,
  updateCycleMs,
  updateTimeoutMs,
  smokeTimeoutMs,
  holdTimeoutMs,
}: Config): Promise<Values[]> {
  const { registry, secret } = RETRY_BUDGET_MS;
  const limits = {
    resolving: registry,
    'awaiting-canary': updateTimeoutMs,
    soaking: Math.max(soakMs, updateCycleMs),
    smoking: smokeTimeoutMs + secret + registry,
    'awaiting-approval': holdTimeoutMs,
    promoting: 2 * registry,
    held: holdTimeoutMs,
  } satisfies Partial<Record<ReleasePhase, number>>;
  return [
    { name: 'canary_hold_timeout_seconds', value: holdTimeoutMs / 1_000 },
    ...Object.entries(limits).map(
      ([phase, ms]): Values => ({ name: 'canary_phase_limit_seconds', labels: { phase }, value: ms / 1_000 }),
    ),
  ];
}

const oldest = (times: number[]): number | null => (times.length === 0 ? null : Math.min(...times));
/** Rounded to milliseconds; never negative, for another machine's clock gave the time. */
const secondsSince = (time: number | null, now: number) => (time === null ? 0 : Math.max(0, now - time) / 1_000);
