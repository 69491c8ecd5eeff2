import { describe, expect, test } from 'vitest';
import type { Move } from '../../src/move/move-tags.js';
import { preflight } from '../../src/move/preflight.js';
import type { MoveAuthorizer } from '../../src/move/write-lease.js';
import type { Fault } from '../../testbed/memory-registry.js';
import { ociError } from '../../testbed/registry-store.js';
import { isPut, isRead } from '../support/latest.js';
import {
  allowAll,
  latest,
  NAMES,
  next,
  old,
  order,
  other,
  registry,
  results,
  server,
  setLatest,
  usePair,
  WAITS,
  withFaults,
} from '../support/pair.js';
import { until } from '../support/until.js';

usePair();

describe('moveTags with several faults at once', () => {
  const down = (name: string, times = Number.POSITIVE_INFINITY): Fault => ({
    match: isPut(name),
    times,
    respond: () => ociError(503, 'UNAVAILABLE', 'down'),
  });
  /** The first PUT of the first image fails, and another digest is there by then. */
  const overtaken = (): Fault => ({
    match: isPut(NAMES[0]),
    times: 1,
    respond: async () => {
      await setLatest('other', [NAMES[0]]);
      return ociError(503, 'UNAVAILABLE', 'down');
    },
  });
  const rollback = (move: Move): Move => ({ ...move, input: { ...move.input, kind: 'rollback' } });
  const withoutPerson = (move: Move): Move => {
    const { input } = rollback(move);
    return { ...move, input: { ...input, onlyFrom: input.sha } };
  };

  test('a rollback whose PUT failed does not take a stale read of its target for success', async () => {
    await setLatest('other');
    const before = Date.now();
    await until('the clock has gone on', () => Date.now() > before);
    await setLatest('next');
    // Reads still show `other`, the target of the rollback; one PUT of each image is lost.
    const stale: Fault = { match: isRead, times: 6, respond: (_request, serve) => serve({ asOf: before }) };
    const authorizer: MoveAuthorizer = { ...allowAll, movedWithin: async () => true };
    const move = rollback(order({ authorizer }, other, next));
    const images = await withFaults([stale, down(NAMES[0], 1), down(NAMES[1], 1)], move);
    expect(results(images)).toEqual(['promoted', 'promoted']);
    expect(await latest()).toEqual(other);
  });

  test('a restore does not overwrite what a person fixed by hand meanwhile', async () => {
    let failed = 0;
    const second: Fault = {
      match: isPut(NAMES[1]),
      respond: async () => {
        failed += 1;
        if (failed === 2) await setLatest('other', [NAMES[0]]);
        return ociError(503, 'UNAVAILABLE', 'down');
      },
    };
    const images = await withFaults([second], order());
    expect(images[0]?.result).toBe('conflict');
    expect((await latest())[0]).toBe(other[0]);
  });

  test('a retried PUT does not overwrite a digest that was put there meanwhile', async () => {
    const images = await withFaults([overtaken()], order());
    expect(results(images)).toEqual(['conflict', 'restored']);
    expect(await latest()).toEqual([other[0], old[1]]);
  });

  test.each<[string, (move: Move) => Move, string]>([
    ['a promotion', (move) => move, 'restored'],
    ['a rollback without a person', withoutPerson, 'promoted'],
  ])('%s leaves alone what a person moved in the pause before its next PUT', async (_, kind, other2) => {
    let failed = false;
    const hasFailed = (name: string): Fault => ({
      match: (request) => failed && isRead(request) && request.path.includes(`/${name}/`),
      times: 1,
      async respond(_request, serve) {
        const answer = await serve();
        await setLatest('other', [name]);
        return answer;
      },
    });
    const first: Fault = {
      match: isPut(NAMES[0]),
      times: 1,
      respond() {
        failed = true;
        return ociError(503, 'UNAVAILABLE', 'down');
      },
    };
    const images = await withFaults([hasFailed(NAMES[0]), first], kind(order()));
    expect(results(images)).toEqual(['conflict', other2]);
    expect((await latest())[0]).toBe(other[0]);
  });

  test('a rollback overwrites a digest that was put there meanwhile', async () => {
    expect(results(await withFaults([overtaken()], rollback(order())))).toEqual(['promoted', 'promoted']);
  });

  test('a Retry-After that outlasts the time limit ends the move at once', async () => {
    const busy: Fault = {
      match: isPut(NAMES[1]),
      respond: () => ({ ...ociError(429, 'TOOMANYREQUESTS', 'slow'), headers: { 'retry-after': '900' } }),
    };
    const began = Date.now();
    const images = await withFaults([busy], order());
    expect(images[0]?.result).toBe('restored');
    expect(Date.now() - began).toBeLessThan(3_000);
  });

  test('reads slower than the window of the lease do not prevent the write of a retry', async () => {
    const slow: Fault = {
      match: isRead,
      respond: async (_request, serve) => {
        await new Promise((wake) => setTimeout(wake, 150));
        return serve();
      },
    };
    const images = await withFaults(
      [slow, down(NAMES[1], 2)],
      order({ waits: { ...WAITS, windowMs: 100, promoteMs: 4_000 } }),
    );
    expect(results(images)).toEqual(['promoted', 'promoted']);
  });

  test('an invalid :latest does not prevent the rollback that fixes it', async () => {
    const invalid: Fault = {
      match: isRead,
      times: 4,
      respond: () => ({ status: 200, headers: { 'content-type': 'text/html' }, body: Buffer.from('<html>') }),
    };
    const move = rollback(order());
    const heal = server.faults.add(invalid);
    expect(await preflight(registry, move.input)).toMatchObject([{ digest: null }, { digest: null }]);
    heal();
    expect(results(await withFaults([invalid], move))).toEqual(['promoted', 'promoted']);
  });
});
