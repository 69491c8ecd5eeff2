import { describe, expect, test } from 'vitest';
import type { MoveProgress } from '../../src/contract/move.js';
import type { Move } from '../../src/move/move-tags.js';
import type { Fault, Response } from '../../testbed/memory-registry.js';
import { ociError } from '../../testbed/registry-store.js';
import { isPut, isRead } from '../support/latest.js';
import {
  allowAll,
  latest,
  NAMES,
  next,
  old,
  order,
  puts,
  results,
  server,
  setLatest,
  usePair,
  WAITS,
  withFaults,
} from '../support/pair.js';

usePair();

/** Of what ends long before its limit, also on a loaded machine. */
const PATIENT = { ...WAITS, rollBackMs: 15_000 };

/** A rollback from `next`, seconds after it was promoted: no single read proves anything. */
async function rollback(change: Partial<Move> = {}): Promise<Move> {
  await setLatest('next');
  const authorizer = { ...allowAll, movedWithin: async () => true };
  const move = order({ authorizer, waits: PATIENT, ...change }, old, next);
  return { ...move, input: { ...move.input, kind: 'rollback' } };
}

/** A write that is done, and answered by something else. */
const unheard =
  (answer: Response): Fault['respond'] =>
  (_, serve) => {
    serve();
    return answer;
  };
const gatewayTimeout = { status: 504, headers: { 'content-type': 'text/html' }, body: Buffer.from('504') };
const down = (name?: string): Fault => ({ match: isPut(name), respond: () => ociError(503, 'UNAVAILABLE', 'down') });
const denied = (name?: string): Fault => ({ match: isPut(name), respond: () => ociError(403, 'DENIED', 'no access') });
/** Writes of `:latest` that reached the registry. */
const putsTo = (name: string) => server.requests.filter(isPut(name)).length;

describe('a rollback', () => {
  test.each<[string, Fault['respond']]>([
    ['200', (_, serve) => ({ ...serve(), status: 200 })],
    ['202', (_, serve) => ({ ...serve(), status: 202 })],
    ['204 without a digest', (_, serve) => ({ ...serve(), status: 204, headers: {} })],
  ])('whose writes are answered %s is done at once, with one write of each image', async (_, respond) => {
    const move = await rollback();
    const before = puts();
    const began = performance.now();
    const images = await withFaults([{ match: isPut(), respond }], move);
    expect(results(images)).toEqual(['promoted', 'promoted']);
    expect(performance.now() - began).toBeLessThan(WAITS.steadyMs);
    expect(puts() - before).toBe(2);
  });

  test.each<[string, Fault['respond']]>([
    ['a 504 of a proxy', unheard(gatewayTimeout)],
    ['a connection that is cut', unheard('drop')],
    ['nothing', unheard('hang')],
  ])(
    'whose writes are done and answered by %s is done once reads have shown the target for long enough',
    async (_, respond) => {
      const move = await rollback();
      const before = puts();
      const began = performance.now();
      const images = await withFaults([{ match: isPut(), respond }], move);
      expect(results(images)).toEqual(['promoted', 'promoted']);
      expect(performance.now() - began).toBeGreaterThan(WAITS.steadyMs);
      expect(await latest()).toEqual(old);
      // While reads show the target, nothing is sent again.
      expect(puts() - before).toBe(2);
    },
  );

  test('writes again when reads show another digest after a write without an answer', async () => {
    const move = await rollback();
    const before = putsTo(NAMES[0]);
    const lost: Fault = { match: isPut(NAMES[0]), times: 2, respond: () => 'drop' };
    expect(results(await withFaults([lost], move))).toEqual(['promoted', 'promoted']);
    expect(putsTo(NAMES[0]) - before).toBe(3);
    expect(await latest()).toEqual(old);
  });

  test('that no read ever shows is unconfirmed, and the bad build is not written back', async () => {
    const move = await rollback({ waits: { ...WAITS, rollBackMs: 1_000 } });
    const before = Date.now();
    const images = await withFaults([{ match: isRead, respond: (_, serve) => serve({ asOf: before }) }], move);
    expect(images).toMatchObject(next.map((latestRead) => ({ result: 'unconfirmed', latest: latestRead })));
    expect(await latest()).toEqual(old);
  });

  test.each<[string, Fault]>([
    ['is down', down(NAMES[1])],
    ['refuses', denied(NAMES[1])],
  ])(
    'of which one image %s for the whole time goes on with it, and does not write the other one back',
    async (_, fault) => {
      const troubles: MoveProgress[] = [];
      const move = await rollback({ waits: WAITS, onTrouble: (one) => troubles.push(one) });
      const before = putsTo(NAMES[1]);
      const began = performance.now();
      const images = await withFaults([fault], move);
      expect(results(images)).toEqual(['promoted', 'failed']);
      expect(await latest()).toEqual([old[0], next[1]]);
      expect(performance.now() - began).toBeGreaterThan(WAITS.rollBackMs - WAITS.maxPauseMs);
      // 20, 40, 80, 160, then every 200 ms.
      expect(putsTo(NAMES[1]) - before).toBeGreaterThan(5);
      expect(putsTo(NAMES[1]) - before).toBeLessThan(25);
      expect(troubles.at(-1)).toMatchObject({ digest: next[1], why: expect.stringContaining('status') });
    },
  );

  test('that meets the secondary rate limit of GitHub is done once that is over', async () => {
    const body = Buffer.from('{"message":"You have exceeded a secondary rate limit. Please wait a few minutes."}');
    const limited = { status: 403, headers: { 'content-type': 'application/json' }, body };
    const move = await rollback();
    const images = await withFaults([{ match: isPut(), times: 4, respond: () => limited }], move);
    expect(results(images)).toEqual(['promoted', 'promoted']);
    expect(await latest()).toEqual(old);
  });

  test('that is refused before anything has moved ends at once', async () => {
    const move = await rollback();
    const began = performance.now();
    expect(results(await withFaults([denied()], move))).toEqual(['failed', 'failed']);
    expect(performance.now() - began).toBeLessThan(WAITS.rollBackMs);
    expect(await latest()).toEqual(next);
  });

  test('of which one image is refused until the other has moved is done once it is not any more', async () => {
    const move = await rollback();
    const fault: Fault = { ...denied(NAMES[1]), times: 3 };
    expect(results(await withFaults([fault], move))).toEqual(['promoted', 'promoted']);
    expect(await latest()).toEqual(old);
  });
});

describe('a promotion', () => {
  test('of which one image is down is whole again soon after the other has moved, and that image is not written to be restored', async () => {
    let splitMs = 0;
    const waits = { ...WAITS, promoteMs: 30_000, restoreMs: 30_000, steadyMs: 20_000 };
    const move = order({ waits, onSplit: (ms) => (splitMs = ms) });
    const before = server.requests.length;
    const began = performance.now();
    const images = await withFaults([down(NAMES[1])], move);
    const tookMs = performance.now() - began;
    expect(results(images)).toEqual(['restored', 'restored']);
    expect(await latest()).toEqual(old);
    // It was tried, and then a write in flight was waited for.
    expect(tookMs).toBeLessThan(WAITS.splitMs + WAITS.windowMs + WAITS.putTimeoutMs + 2_000);
    expect(splitMs).toBeGreaterThanOrEqual(WAITS.splitMs);
    const written = server.requests.slice(before).filter((request) => isPut(NAMES[1])(request));
    expect(written.length).toBeGreaterThan(2);
    expect(written.filter(({ status }) => status === 201)).toEqual([]);
  });

  test('that nothing of has moved is tried for all its time', async () => {
    const waits = { ...WAITS, splitMs: 100 };
    const began = performance.now();
    expect(results(await withFaults([down()], order({ waits })))).toEqual(['restored', 'restored']);
    expect(performance.now() - began).toBeGreaterThan(WAITS.promoteMs);
  });

  test('whose writes are done and never answered is promoted, and not restored', async () => {
    const authorizer = { ...allowAll, movedWithin: async () => true };
    const respond: Fault['respond'] = unheard(gatewayTimeout);
    const images = await withFaults([{ match: isPut(), respond }], order({ authorizer }));
    expect(results(images)).toEqual(['promoted', 'promoted']);
    expect(await latest()).toEqual(next);
  });
});
