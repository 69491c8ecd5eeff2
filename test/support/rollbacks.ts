import { expect } from 'vitest';
import { awaitRunEnd } from '../../src/temporal/runs.js';
import type { MemoryRegistry } from '../../testbed/memory-registry.js';
import { digestOf } from '../../testbed/registry-store.js';
import type { Gate } from './gate.js';
import { isPut } from './latest.js';
import { until } from './until.js';

/** Time limit for the first write of a rollback if nothing moves and no worker is frozen, in milliseconds (issue 10). */
export const FIRST_PUT_MS = 5_000;

type RollbackRun = Awaited<ReturnType<Gate['rollback']>>;

/** Input of a rollback to a build, requested by ada. */
export const rollBack = (gate: Gate, sha: string, more: { force?: boolean } = {}): Promise<RollbackRun> =>
  gate.rollback({ sha, reason: 'it burns', requestedBy: 'ada', ...more });

/** Reason why a release of a known-bad build ends. */
export const BAD = /^rolled back on \d{4}-\d\d-\d\dT\S+ by ada: it burns$/;

/** Time from the start of a rollback to its first write of one of these digests, from the log of the registry, in milliseconds. */
export async function firstPutMs(
  { requests }: MemoryRegistry,
  handle: RollbackRun,
  to: readonly (string | undefined)[],
): Promise<number> {
  const began = (await handle.describe()).startTime.getTime();
  const isWrite = isPut();
  const first = await until('it has written', () =>
    requests.find((one) => one.at >= began && isWrite(one) && to.includes(digestOf(one.body))),
  );
  return first.at - began;
}

/** Expects that a rollback ends as rolled-back with `:latest` of every image at these digests, and that its first write was in time. */
export async function requireRolledBack(
  registry: MemoryRegistry,
  gate: Gate,
  handle: RollbackRun,
  to: readonly (string | undefined)[],
  withinMs = FIRST_PUT_MS,
): Promise<void> {
  expect((await awaitRunEnd(handle)).report).toMatchObject({ outcome: 'rolled-back' });
  expect(await gate.latest()).toEqual(to);
  expect(await firstPutMs(registry, handle, to)).toBeLessThan(withinMs);
}
