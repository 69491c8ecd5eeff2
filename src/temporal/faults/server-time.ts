import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type { Client } from '@temporalio/client';
import { optionalTsToMs } from '@temporalio/common/lib/time.js';
import proto from '@temporalio/proto';
import { CLOCK_QUEUE } from '../../contract/ids.js';
import { inTime } from './in-time.js';

/** How long Temporal may take to tell its time, in milliseconds: `canary status` waits 1.5 s for a task queue. */
const LIMIT_MS = 1_000;
/** Deadline of the poll, in milliseconds: Temporal refuses one of less than 2 s. It is canceled once it was seen. */
const POLL_MS = 10_000;
/** Pause before the queue is described again, in milliseconds. */
const AGAIN_MS = 20;
/** How long an answer counts, and how long a silence does before Temporal is asked again, in milliseconds. */
const FRESH_MS = 60_000;
const SILENT_MS = 3_000;
/** Difference of two clocks that counts, in milliseconds: more than the error of its measure. */
export const SKEW_MS = 5_000;

/** What Temporal's clock has more than `performance.now()`, which no correction of the local clock changes: the last question, by connection. */
const offsets = new WeakMap<object, { until: number; offset: Promise<number | null> }>();
/** The last one that Temporal told, and what `Date.now()` had more than `performance.now()` then; null while it counts no more, or none was told. */
const told = new WeakMap<object, { offset: number; here: number } | null>();

/** Time of Temporal's clock, in milliseconds since 1970, half of `limitMs` more or less; null if it does not tell, as to credentials that may only read. */
export async function serverTime(client: Client, limitMs = LIMIT_MS): Promise<number | null> {
  const { connection } = client;
  let known = offsets.get(connection);
  if (known === undefined || performance.now() > known.until) {
    known = {
      until: performance.now() + FRESH_MS,
      offset: pollClock(client, `clock-${randomUUID()}`, limitMs),
    };
    offsets.set(connection, known);
  }
  const offset = await known.offset;
  if (offset === null) {
    known.until = Math.min(known.until, performance.now() + SILENT_MS);
    if (!told.has(connection)) told.set(connection, null);
    return null;
  }
  told.set(connection, { offset, here: Date.now() - performance.now() });
  return offset + performance.now();
}

/**
 * Time of Temporal's clock, in milliseconds since 1970, if it differed from that of this machine when a client of the connection last
 * asked; else that of this machine. Both may go on wrong after a clock was set, or the machine slept: then Temporal is asked until it tells.
 */
export function timeNow(client: Client): number {
  const { connection } = client;
  const known = told.get(connection);
  const [here, steady] = [Date.now(), performance.now()];
  // No client of this connection ever asked.
  if (known === undefined) return here;
  if (known === null || Math.abs(here - steady - known.here) > SKEW_MS) {
    if (known !== null) {
      told.set(connection, null);
      offsets.delete(connection);
    }
    void serverTime(client);
    return here;
  }
  const there = known.offset + steady;
  return Math.abs(here - there) < SKEW_MS ? here : there;
}

/**
 * Polls a queue on which no task ever is, and looks when Temporal saw that: no call returns the time.
 * @param identity of the poll, which Temporal lists for five minutes.
 * @returns what Temporal's clock has more than `performance.now()`; null if it does not tell within `limitMs`.
 */
export async function pollClock(client: Client, identity: string, limitMs = LIMIT_MS): Promise<number | null> {
  const { workflowService, options } = client;
  const { TASK_QUEUE_TYPE_ACTIVITY } = proto.temporal.api.enums.v1.TaskQueueType;
  const queue = { namespace: options.namespace, taskQueue: { name: CLOCK_QUEUE } };
  const over = new AbortController();
  const sent = performance.now();
  const poll = client
    .withAbortSignal(over.signal, () =>
      client.withDeadline(Date.now() + POLL_MS, () => workflowService.pollActivityTaskQueue({ ...queue, identity })),
    )
    .then(() => null);
  const seen = async () => {
    for (;;) {
      const { pollers } = await workflowService.describeTaskQueue({
        ...queue,
        taskQueueType: TASK_QUEUE_TYPE_ACTIVITY,
      });
      const polled = optionalTsToMs(pollers?.find((one) => one.identity === identity)?.lastAccessTime);
      if (polled !== undefined) return polled - (sent + performance.now()) / 2;
      await delay(AGAIN_MS, undefined, { signal: over.signal });
    }
  };
  try {
    return await inTime(limitMs, Promise.race([poll, seen()]));
  } catch {
    return null;
  } finally {
    over.abort();
  }
}
