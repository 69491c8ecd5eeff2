import type { Client } from '@temporalio/client';
import { CLOCK_QUEUE, clockIdentity, parseClockIdentity, type WrongClock } from '../../contract/ids.js';
import { queueNow } from '../pollers.js';
import { withinTime } from './in-time.js';
import { pollClock, SKEW_MS, serverTime } from './server-time.js';

/** How long Temporal may take to list what workers reported, in milliseconds. */
const LIST_MS = 1_500;

/** Milliseconds that the clock of this process is ahead of Temporal's, 0 if that is too little to count; null if Temporal does not tell its time. */
export async function skewHere(client: Client, limitMs?: number): Promise<number | null> {
  const time = await serverTime(client, limitMs);
  if (time === null) return null;
  const ahead = Date.now() - time;
  return Math.abs(ahead) < SKEW_MS ? 0 : Math.round(ahead);
}

/** Tells of a wrong clock for the next 90 s: who describes the queue of clocks reads it in the identity of this poll. */
export async function reportClock(client: Client, clock: WrongClock, limitMs?: number): Promise<void> {
  await pollClock(client, clockIdentity(clock), limitMs);
}

/** Clocks that workers of this namespace reported within the last 90 s. None if Temporal does not list it. */
export async function wrongClocks(client: Client): Promise<WrongClock[]> {
  const { pollers } = await withinTime(client, LIST_MS, () => queueNow(client, CLOCK_QUEUE, 'activity')).catch(() => ({
    pollers: [],
  }));
  const reported = pollers.flatMap(({ identity }) => parseClockIdentity(identity ?? '') ?? []);
  return [...new Map(reported.map((clock) => [clock.worker, clock])).values()];
}

/** `660 s ahead of Temporal's` */
export const describeSkew = (aheadMs: number): string =>
  `${Math.round(Math.abs(aheadMs) / 1_000)} s ${aheadMs > 0 ? 'ahead of' : 'behind'} Temporal's`;
