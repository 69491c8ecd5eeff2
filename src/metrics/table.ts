import { ALARMS, type AlarmName } from '../contract/events.js';
import { FAILURE_TYPES } from '../contract/failures.js';
import { HOLDS } from '../contract/hold.js';
import { gateOf, type Lane, WORKFLOWS } from '../contract/ids.js';
import { MOVE_OUTCOMES } from '../contract/move.js';
import { OUTCOMES } from '../contract/release.js';
import { WATCH_OUTCOMES } from '../contract/tenants/production.js';

/** One metric of a worker. */
export interface MetricRow {
  /** `gauge`: of a worker's last collection. The others count what this process did since it started. */
  kind: 'counter' | 'gauge' | 'histogram';
  labels: readonly string[];
  meaning: string;
  /** Upper bounds of the buckets of a histogram, without the last, which is infinite. */
  buckets?: readonly number[];
}

/** Seconds, from an answer of a server to a hold of three days. */
const LATENCIES = [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60] as const;
const PHASES = [1, 5, 15, 60, 180, 300, 600, 900, 1800, 3600, 14400] as const;
const WAITS = [60, 300, 900, 1800, 3600, 7200, 14400, 28800, 86400, 172800, 259200] as const;
const SPLITS = [0.5, 1, 2, 5, 10, 30, 60, 300] as const;

/** Every metric of a worker's `/metrics` that is not the SDK's, by its name there. A worker of several gates adds the label `gate`. */
export const METRICS = {
  canary_runs_ended_total: {
    kind: 'counter',
    labels: ['workflow', 'outcome'],
    meaning: 'Runs by how they ended: an outcome or a failure type',
  },
  canary_moves_total: { kind: 'counter', labels: ['kind', 'result'], meaning: 'Moves by the worst result of an image' },
  canary_holds_total: { kind: 'counter', labels: ['hold'], meaning: 'Holds that began' },
  canary_decisions_total: { kind: 'counter', labels: ['decision'], meaning: 'Decisions of people' },
  canary_interruptions_total: { kind: 'counter', labels: [], meaning: 'Times that a soak began again' },
  canary_alarms_total: { kind: 'counter', labels: ['alarm'], meaning: 'Alarms' },
  canary_checks_total: { kind: 'counter', labels: ['verdict'], meaning: 'Checks on a canary tenant by verdict' },
  canary_deliveries_total: {
    kind: 'counter',
    labels: ['sink', 'result'],
    meaning: 'Deliveries of an event to a sink: `delivered`, `retried` (a failed attempt) or `lost` (given up)',
  },
  canary_registry_requests_total: {
    kind: 'counter',
    labels: ['status'],
    meaning: 'Requests to registries, of all gates, by HTTP status; `none` without an answer',
  },
  canary_phase_duration_seconds: {
    kind: 'histogram',
    labels: ['phase'],
    meaning: 'Seconds that a run spent in a phase, all visits together, observed when the run ends',
    buckets: PHASES,
  },
  canary_people_wait_seconds: {
    kind: 'histogram',
    labels: ['hold'],
    meaning: 'Seconds that a run waited for people in a hold, observed when the run ends',
    buckets: WAITS,
  },
  canary_pair_split_seconds: {
    kind: 'histogram',
    labels: ['kind'],
    meaning: 'Seconds in which the images were on two builds during a move',
    buckets: SPLITS,
  },
  canary_check_latency_seconds: {
    kind: 'histogram',
    labels: ['check'],
    meaning: 'Seconds that a check took on one canary tenant, its last try',
    buckets: LATENCIES,
  },
  canary_worker_info: {
    kind: 'gauge',
    labels: ['version', 'workflows'],
    meaning: 'Version of the worker: of its package, and of its workflow code; always 1',
  },
  canary_config_problems: {
    kind: 'gauge',
    labels: [],
    meaning:
      'Problems for which this worker tests no release of a gate, or does not serve it: `/readyz` and its log name them',
  },
  canary_resident_memory_bytes: { kind: 'gauge', labels: [], meaning: 'Memory that the worker takes of its machine' },
  canary_heap_used_bytes: { kind: 'gauge', labels: [], meaning: 'Memory of the JavaScript heap that is in use' },
  canary_event_loop_delay_seconds: {
    kind: 'gauge',
    labels: [],
    meaning: 'How late the event loop of the worker ran since the scrape before, 99th percentile',
  },
  canary_collector_ok: {
    kind: 'gauge',
    labels: [],
    meaning: '1 if the last collection read everything; 0 if a part could not be read, whose gauges are absent then',
  },
  canary_phase_seconds: {
    kind: 'gauge',
    labels: ['phase'],
    meaning: 'Seconds since the holder of the lane entered its phase; absent without a holder',
  },
  canary_phase_limit_seconds: {
    kind: 'gauge',
    labels: ['phase'],
    meaning: 'Longest time in the phase, retries included, as this worker is configured; not `queued`',
  },
  canary_rollback_seconds: {
    kind: 'gauge',
    labels: [],
    meaning: 'Seconds since the rollback that runs was started; 0 if none runs',
  },
  canary_waiting: { kind: 'gauge', labels: ['hold'], meaning: 'Runs that wait for a person now' },
  canary_waiting_seconds: {
    kind: 'gauge',
    labels: ['hold'],
    meaning: 'Seconds for which the oldest of them has waited; 0 if none waits',
  },
  canary_hold_timeout_seconds: {
    kind: 'gauge',
    labels: [],
    meaning: 'Seconds after which a hold expires, as this worker is configured',
  },
  canary_queue_length: { kind: 'gauge', labels: [], meaning: 'Releases that wait for the lane' },
  canary_lane_held: {
    kind: 'gauge',
    labels: ['hold'],
    meaning: '1 if the lane is on this hold, so that no build is promoted automatically',
  },
  canary_paused: { kind: 'gauge', labels: [], meaning: '1 if the lane is paused' },
  canary_paused_seconds: { kind: 'gauge', labels: [], meaning: 'Seconds since the lane was paused; 0 if it is not' },
  canary_stuck_runs: {
    kind: 'gauge',
    labels: [],
    meaning:
      'Open runs whose workflow task fails again and again, the lane and the mover included; absent if the server does not mark them',
  },
  canary_lane_unserved: {
    kind: 'gauge',
    labels: [],
    meaning: '1 if the lane has work that no worker carries out',
  },
  canary_alarm_open: {
    kind: 'gauge',
    labels: ['alarm'],
    meaning: '1 while the alarm holds, whenever it was raised; the other alarms are counted alone',
  },
  canary_production_red_tenants: {
    kind: 'gauge',
    labels: [],
    meaning:
      'Production tenants that the watch over the live build found red: at least so many, and 1 if their names are hidden',
  },
  canary_rollback_targets_missing: {
    kind: 'gauge',
    labels: [],
    meaning: 'Manifests that a rollback needs and the last drift check did not find',
  },
  canary_last_promotion_timestamp_seconds: {
    kind: 'gauge',
    labels: [],
    meaning: 'Time of the last promotion, in seconds since 1970; absent before the first',
  },
  canary_workers: {
    kind: 'gauge',
    labels: ['queue'],
    meaning: 'Workers that polled a task queue within the last 90 s, by Temporal',
  },
} as const satisfies Record<string, MetricRow>;

type Metrics = typeof METRICS;
export type MetricName = keyof Metrics;
/** Names of the metrics of a kind. */
export type NameOf<K extends MetricRow['kind']> = {
  [N in MetricName]: Metrics[N]['kind'] extends K ? N : never;
}[MetricName];
/** Label values of a metric, without `gate`. */
export type LabelsOf<N extends MetricName> = Record<Metrics[N]['labels'][number], string>;

/**
 * Labels with that of the gate that a value is of; none for a gate that its workers serve alone. An object of two spreads would have a hidden
 * class of its own, three times its size.
 */
export function withGate<L extends object>(lane: Lane, labels: L): L & { gate?: string } {
  const gate = gateOf(lane);
  return gate === null ? labels : { gate, ...labels };
}

/** Alarms that `canary_alarm_open` tells of: those that the state of the lane, or the watch over production, shows. */
export const OPEN_ALARMS: AlarmName[] = [
  'pair-split',
  'latest-moved',
  'not-recovered',
  'after-rollback',
  'rollback-target-missing',
  'out-of-order',
  'live-build-red',
  'consecutive-preemptions',
  'production-red',
];

const ENDS = [...Object.keys(OUTCOMES), ...Object.keys(FAILURE_TYPES)];
const valuesOf = (label: string, values: readonly string[]) => values.map((value) => ({ [label]: value }));
const pairsOf = (first: Record<string, string>[], second: Record<string, string>[]) =>
  first.flatMap((one) => second.map((other) => ({ ...one, ...other })));

/** Label values of counters that are known before anything happens: a counter that begins above 0 raises no alert. */
export const KNOWN = {
  canary_runs_ended_total: [
    ...pairsOf(valuesOf('workflow', [WORKFLOWS.release, WORKFLOWS.rollback]), valuesOf('outcome', ENDS)),
    ...pairsOf([{ workflow: WORKFLOWS.watch }], valuesOf('outcome', Object.keys(WATCH_OUTCOMES))),
  ],
  canary_moves_total: pairsOf(
    valuesOf('kind', ['promotion', 'rollback']),
    valuesOf('result', Object.keys(MOVE_OUTCOMES)),
  ),
  canary_holds_total: valuesOf('hold', Object.keys(HOLDS)),
  canary_decisions_total: valuesOf('decision', ['approve', 'retry', 'abort']),
  canary_interruptions_total: [{}],
  canary_alarms_total: valuesOf('alarm', Object.keys(ALARMS)),
  canary_checks_total: valuesOf('verdict', ['pass', 'fail', 'could-not-test']),
} as const satisfies Partial<Record<NameOf<'counter'>, Record<string, string>[]>>;

/** As `KNOWN`, for a sink that is configured. */
export const KNOWN_RESULTS = ['delivered', 'retried', 'lost'] as const;
/** As `KNOWN`, for registries. */
export const KNOWN_STATUSES = ['200', '201', '401', '403', '404', '429', '500', '502', '503', 'none'] as const;
