import { setTimeout as delay } from 'node:timers/promises';
import { Client, type ConnectionLike } from '@temporalio/client';
import type { Lane } from '../../src/contract/ids.js';
import { metrics, type Sample } from '../../src/metrics/metrics.js';
import { KNOWN, KNOWN_RESULTS, KNOWN_STATUSES, type NameOf, withGate } from '../../src/metrics/table.js';
import { configuredSinks } from '../../src/notify/configured.js';
import { payloadCodec } from '../../src/temporal/payloads/codec.js';
import type { PayloadKeys } from '../../src/temporal/payloads/keys.js';
import type { Gate, Gates } from '../gates.js';
import { logEvent } from '../log.js';
import { type Part, partsOf, workersPart } from './read.js';

const WAITS = {
  /** Least time from one collection to the next, in milliseconds. */
  everyMs: 15_000,
  /** The same for each gate of many, so that their collections do not load Temporal. */
  gateMs: 200,
  /** One part of a collection, in milliseconds: a native connection has no deadline. */
  partMs: 5_000,
};
/** Gates that are read together. */
const TOGETHER = 4;
/** Collections that may fail to come before what the last one read is forgotten. */
const MISSED = 4;

interface Seen {
  samples: Sample[];
  isWhole: boolean;
  /** By `performance.now()`. */
  at: number;
}

export interface Collector {
  /** What the last collection read. What is too old is left out, with `canary_collector_ok 0` instead. */
  gauges(): Sample[];
  stop(): void;
}

interface CollectorParts {
  connection: ConnectionLike;
  namespace: string;
  payloadKeys: PayloadKeys | null;
  gates: Gates;
}

/** Creates the counters of every gate at 0, and reads its lane from now on, whether or not anything happens there. */
export function startCollector(
  { connection, namespace, payloadKeys, gates }: CollectorParts,
  waits = WAITS,
): Collector {
  const client = new Client({
    connection,
    namespace,
    dataConverter: { payloadCodecs: [payloadCodec(payloadKeys, 'throw')] },
  });
  const stopped = new AbortController();
  const parts = new WeakMap<Gate, Part[]>();
  const seen = new Map<Lane, Seen>();
  const shared = workersPart(client, gates.lane);
  for (const status of KNOWN_STATUSES) metrics.count('canary_registry_requests_total', { status }, 0);
  let workers: Seen | null = null;
  let everyMs = waits.everyMs;

  const pause = (ms: number) => delay(ms, undefined, { signal: stopped.signal, ref: false }).catch(() => undefined);
  const partsFor = (gate: Gate) => {
    const known = parts.get(gate);
    if (known) return known;
    createCounters(gate, namespace);
    const own = partsOf(client, gate.config);
    parts.set(gate, own);
    return own;
  };
  const round = async () => {
    const all = gates.all();
    everyMs = Math.max(waits.everyMs, waits.gateMs * all.length);
    const lanes = new Set(all.map(({ config }) => config.lane));
    for (const lane of seen.keys()) if (!lanes.has(lane)) seen.delete(lane);
    for (const gate of all) partsFor(gate);
    workers = await collect([shared], waits.partMs, 'the workers', workers);
    const left = [...all];
    const next = async () => {
      for (let gate = left.shift(); gate !== undefined && !stopped.signal.aborted; gate = left.shift()) {
        const { lane } = gate.config;
        seen.set(lane, await collect(partsFor(gate), waits.partMs, lane, seen.get(lane) ?? null));
        // Few gates are read at once; the round of many takes as long as the pause after it.
        if (everyMs > waits.everyMs) await pause(waits.gateMs * TOGETHER);
      }
    };
    await Promise.all(Array.from({ length: TOGETHER }, next));
  };
  const run = async () => {
    while (!stopped.signal.aborted) {
      await round();
      await pause(everyMs);
    }
  };
  void run();

  return {
    gauges() {
      const isFresh = (one: Seen | null | undefined): one is Seen =>
        one != null && performance.now() - one.at < MISSED * everyMs;
      const ofWorkers = isFresh(workers) ? workers : null;
      const ofGates = gates.all().flatMap(({ config: { lane } }): Sample[] => {
        const own = seen.get(lane);
        const last = isFresh(own) ? own : null;
        const isOk = last?.isWhole === true && ofWorkers?.isWhole === true;
        return [
          { name: 'canary_collector_ok', labels: withGate<Record<string, string>>(lane, {}), value: Number(isOk) },
          ...(last?.samples ?? []),
        ];
      });
      return [...ofGates, ...(ofWorkers?.samples ?? [])];
    },
    stop: () => stopped.abort(),
  };
}

/** One collection. A part that cannot be read gives no sample, and is logged once. */
async function collect(parts: Part[], partMs: number, what: string, last: Seen | null): Promise<Seen> {
  const read = await Promise.allSettled(parts.map((part) => inTime(part(), partMs)));
  const samples = read.flatMap((one) => (one.status === 'fulfilled' ? one.value : []));
  const failed = read.find((one) => one.status === 'rejected');
  if (failed && last?.isWhole !== false)
    logEvent('WARN', 'collector.failed', { lane: what, why: (failed.reason as Error).message });
  return { samples, isWhole: failed === undefined, at: performance.now() };
}

async function inTime<T>(answer: Promise<T>, ms: number): Promise<T> {
  const ended = new AbortController();
  const late = delay(ms, undefined, { signal: ended.signal, ref: false }).then(() => {
    throw new Error(`no answer within ${ms} ms`);
  });
  try {
    return await Promise.race([answer, late]);
  } finally {
    ended.abort();
  }
}

/** Creates the counters of a gate at 0. */
function createCounters({ config }: Gate, namespace: string): void {
  const count = metrics.count.bind(metrics) as (name: NameOf<'counter'>, labels: object, by: number) => void;
  for (const [name, known] of Object.entries(KNOWN))
    for (const labels of known) count(name as keyof typeof KNOWN, withGate(config.lane, labels), 0);
  for (const { name: sink } of configuredSinks(config, namespace))
    for (const result of KNOWN_RESULTS)
      metrics.count('canary_deliveries_total', withGate(config.lane, { sink, result }), 0);
}
