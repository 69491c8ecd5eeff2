import { describe, expect, test } from 'vitest';
import type { Fault } from '../../testbed/memory-registry.js';
import { ociError } from '../../testbed/registry-store.js';
import { isPut, isRead } from '../support/latest.js';
import { latest, NAMES, next, old, order, puts, results, server, usePair, WAITS, withFaults } from '../support/pair.js';

usePair();

/** Until then a PUT without an answer may be carried out. */
const LATE_MS = WAITS.putTimeoutMs - 50;

/** A write whose connection breaks, and that the registry carries out right before its time-out. */
function late(name: string): Fault & { isDone: boolean } {
  const fault: Fault & { isDone: boolean } = {
    match: isPut(name),
    times: 1,
    respond(_request, serve) {
      setTimeout(() => {
        serve();
        fault.isDone = true;
      }, LATE_MS);
      return 'drop';
    },
    isDone: false,
  };
  return fault;
}
const denied = (name: string, times = 1): Fault => ({
  match: isPut(name),
  times,
  respond: () => ociError(403, 'DENIED', 'no'),
});

describe('a PUT without an answer that is carried out late', () => {
  test('is known when an image is refused afterwards: it is restored', async () => {
    const write = late(NAMES[1]);
    expect(results(await withFaults([write, denied(NAMES[1])], order()))).toEqual(['restored', 'restored']);
    expect(write.isDone).toBe(true);
    expect(await latest()).toEqual(old);
  });

  test('is known when an image is refused from then on: it is not called restored', async () => {
    const write = late(NAMES[1]);
    const images = await withFaults([write, denied(NAMES[1], 100)], order());
    expect(results(images)).toEqual(['restored', 'failed']);
    expect(write.isDone).toBe(true);
    expect(await latest()).toEqual([old[0], next[1]]);
  });

  test('is over before its image is restored', async () => {
    const write = late(NAMES[0]);
    expect(results(await withFaults([write, denied(NAMES[1])], order()))).toEqual(['restored', 'restored']);
    expect(write.isDone).toBe(true);
    expect(await latest()).toEqual(old);
  });

  test('is over before the move is, so that it undoes no move after it', async () => {
    const write = late(NAMES[0]);
    expect(results(await withFaults([write], order()))).toEqual(['promoted', 'promoted']);
    expect(write.isDone).toBe(true);
  });
});

test('a write that was answered is not sent again, although the one after it failed', async () => {
  const sent = server.requests.length;
  let [answered, refused, recovered] = [false, false, false];
  const faults: Fault[] = [
    {
      match: (request) => isPut(NAMES[0])(request) && !answered,
      respond(_request, serve) {
        answered = true;
        return serve();
      },
    },
    {
      match: isPut(NAMES[0]),
      times: 1,
      respond() {
        refused = true;
        return ociError(503, 'UNAVAILABLE', 'down');
      },
    },
    {
      match: (request) => isRead(request) && request.path.includes(`/${NAMES[0]}/`) && answered && !recovered,
      respond: () => ociError(503, 'UNAVAILABLE', 'down'),
    },
  ];
  const move = order({
    // A lease that ages would be renewed by reads, which fail.
    waits: { ...WAITS, windowMs: 30_000, splitMs: 10_000, promoteMs: 10_000 },
    onTrouble: () => {
      recovered ||= refused;
    },
  });
  expect(results(await withFaults(faults, move))).toEqual(['promoted', 'promoted']);
  const own = server.requests.slice(sent).filter(isPut(NAMES[0]));
  expect([refused, own.map(({ status }) => status)]).toEqual([true, [201, 503]]);
  expect(puts()).toBeGreaterThan(0);
});
