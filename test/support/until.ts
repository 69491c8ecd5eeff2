import { setTimeout as delay } from 'node:timers/promises';

/** Pauses between two polls, in milliseconds: short at first, then longer, because each query of a workflow costs two processes some milliseconds. */
const FIRST_MS = 30;
const LAST_MS = 200;
const GROWTH = 1.5;

/** A server deletes a closed run when it gets round to it: half a minute, mostly. */
export const DELETION_MS = 90_000;

/** Polls until the result is truthy; fails after `ms` with the name of the condition. */
export async function until<T>(what: string, ask: () => Promise<T> | T, ms = 30_000): Promise<NonNullable<T>> {
  const deadline = Date.now() + ms;
  for (let pause = FIRST_MS; ; pause = Math.min(LAST_MS, pause * GROWTH)) {
    const answer = await ask();
    if (answer) return answer;
    if (Date.now() > deadline) throw new Error(`waited ${ms} ms in vain until ${what}`);
    await delay(pause);
  }
}
