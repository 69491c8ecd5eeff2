import { setTimeout as delay } from 'node:timers/promises';

/** Asks again until the answer is truthy; fails after `ms` with what it waited for. */
export async function until<T>(what: string, ask: () => Promise<T> | T, ms = 15_000): Promise<NonNullable<T>> {
  for (const deadline = Date.now() + ms; ; await delay(20)) {
    const answer = await ask();
    if (answer) return answer;
    if (Date.now() > deadline) throw new Error(`waited ${ms} ms in vain until ${what}`);
  }
}
