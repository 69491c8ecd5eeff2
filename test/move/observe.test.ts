import { describe, expect, test } from 'vitest';
import type { TagState } from '../../src/contract/move.js';
import { observeExpected, observeLatest, observeMoved } from '../../src/move/observe.js';
import { MoveRefusal } from '../../src/move/write-lease.js';
import type { Fault } from '../../testbed/memory-registry.js';
import { ociError } from '../../testbed/registry-store.js';
import { isRead } from '../support/latest.js';
import { NAMES, next, old, order, other, registry, server, setLatest, usePair, WAITS } from '../support/pair.js';
import { until } from '../support/until.js';

usePair();

const targets = () => order().input.images;
const repositories = () => targets().map(({ repository }) => repository);
const at = (digests: (string | null | undefined)[]) =>
  repositories().map((repository, index) => ({ repository, digest: digests[index] ?? null })) as TagState[];

/** Answers the reads of the second image. */
async function answered<T>(respond: Fault['respond'], act: () => Promise<T>): Promise<T> {
  const heal = server.faults.add({ match: (one) => isRead(one) && one.path.includes(`/${NAMES[1]}/`), respond });
  try {
    return await act();
  } finally {
    heal();
  }
}
const WRONG_BYTES: Fault['respond'] = (_request, serve) => ({
  ...serve(),
  headers: { 'docker-content-digest': `sha256:${'0'.repeat(64)}` },
});
const REJECTED: Fault['respond'] = () => ociError(400, 'MANIFEST_INVALID', 'no');
const DENIED: Fault['respond'] = () => ociError(403, 'DENIED', 'no');
const MISSING: Fault['respond'] = () => ociError(404, 'MANIFEST_UNKNOWN', 'no');

describe(':latest of each image', () => {
  test('is read by the bytes; a missing tag is null', async () => {
    expect(await observeLatest(registry, repositories())).toEqual(at(old));
    expect(await answered(MISSING, () => observeLatest(registry, repositories()))).toEqual(at([old[0], null]));
  });

  test.each([
    ['whose bytes are not those of its digest', WRONG_BYTES],
    ['that the registry rejects', REJECTED],
  ])('%s is null for a rollback, which fixes it, and an error for a promotion', async (_what, respond) => {
    const tolerant = { tolerant: true };
    expect(await answered(respond, () => observeLatest(registry, repositories(), tolerant))).toEqual(at([old[0]]));
    await expect(answered(respond, () => observeLatest(registry, repositories()))).rejects.toThrow();
    expect(await answered(respond, () => observeMoved(registry, at(old)))).toEqual([at([])[1]]);
  });

  test('that may not be read is an error for both', async () => {
    const read = () => observeLatest(registry, repositories(), { tolerant: true });
    await expect(answered(DENIED, read)).rejects.toThrow('DENIED');
    const cancelled = { signal: AbortSignal.abort(new Error('cancelled')), tolerant: true };
    await expect(observeLatest(registry, repositories(), cancelled)).rejects.toThrow('cancelled');
    await expect(observeMoved(registry, at(old), cancelled.signal)).rejects.toThrow('cancelled');
  });

  test('has moved where it is not as expected', async () => {
    expect(await observeMoved(registry, at(old))).toEqual([]);
    expect(await observeMoved(registry, at([old[0], next[1]]))).toEqual([at(old)[1]]);
    expect(await observeMoved(registry, at([]))).toEqual(at(old));
  });
});

describe('where a run saw :latest', () => {
  const waits = { ...WAITS, surpriseMs: 40, pollMs: 5 };
  const expected = (images = targets(), given = waits) => observeExpected(registry, images, given);

  test('it is expected, and on its target', async () => {
    expect(await expected()).toEqual(at(old));
    await setLatest('next', [NAMES[0]]);
    expect(await expected()).toEqual(at([next[0], old[1]]));
  });

  test('another digest counts once it has stayed, and every image is named', async () => {
    await setLatest('other');
    const began = performance.now();
    const [first, second] = targets();
    const refusal = (await expected([first, { ...second, from: null }] as never).catch(
      (error) => error,
    )) as MoveRefusal;
    expect(performance.now() - began).toBeGreaterThanOrEqual(waits.surpriseMs);
    expect(refusal).toBeInstanceOf(MoveRefusal);
    expect(refusal).toMatchObject({ refusal: 'latest-moved', latest: at(other) });
    const [one, two] = repositories();
    expect(refusal.message).toBe(
      `${one}:latest stands at ${other[0]}, this run saw ${old[0]}; ${two}:latest stands at ${other[1]}, this run saw nothing: moved from outside`,
    );
  });

  test('another digest that does not stay was a stale read', async () => {
    await setLatest('other');
    const stale = Date.now();
    await until('the clock has gone on', () => Date.now() > stale);
    await setLatest('old');
    let reads = 0;
    const late: Fault['respond'] = (_request, serve) => serve(++reads < 3 ? { asOf: stale } : {});
    // The reads of a machine that is full take longer than the others wait.
    expect(await answered(late, () => expected(targets(), { ...waits, surpriseMs: 30_000 }))).toEqual(at(old));
    expect(reads).toBe(3);
  });

  test('a cancellation ends the wait for it', async () => {
    await setLatest('other');
    const signal = AbortSignal.timeout(10);
    await expect(observeExpected(registry, targets(), { ...waits, surpriseMs: 60_000 }, signal)).rejects.toThrow();
  });
});
