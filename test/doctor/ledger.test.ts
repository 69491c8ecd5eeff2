import { randomBytes } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { parseLane } from '../../src/contract/ids.js';
import { parseRepository } from '../../src/contract/image.js';
import type { LaneState } from '../../src/contract/lane.js';
import { checkCopy } from '../../src/doctor/registry.js';
import { adopt } from '../../src/lane/commands.js';
import { emptyLane } from '../../src/lane/state.js';
import { keepLedger } from '../../src/ledger/store.js';
import { type PayloadKeys, parsePayloadKeys } from '../../src/temporal/payloads/keys.js';
import { ociError } from '../../testbed/registry-store.js';
import { ATTRIBUTION } from '../lane/lane-support.js';
import { openRegistry } from '../support/open-registry.js';

const MINUTE = 60_000;
const lane = parseLane('');
const { signal } = new AbortController();
const KEYS = parsePayloadKeys(`one:${randomBytes(32).toString('base64')}`);
const { server, registry } = await openRegistry();

/** Images of a new gate. */
let nth = 0;
function newImages() {
  nth += 1;
  return ['platform', 'tenant'].map((name) => parseRepository(`${server.host}/gate-${nth}/${name}`));
}

/** Lane that adopted `:latest` so long ago, and keeps its copy. */
function laneOf(agoMs: number): LaneState {
  const state = emptyLane();
  adopt(state, [], null, ATTRIBUTION, Date.now() - agoMs);
  return state;
}
const keep = (repository: ReturnType<typeof parseRepository>, { ledger }: LaneState, keys: PayloadKeys | null = KEYS) =>
  keepLedger({ registry, lane, repository, keys }, ledger);
const look = (state: LaneState | null, images = newImages()) =>
  checkCopy(registry, async () => state, images, { lane, keys: KEYS }, signal);
const warning = (what: RegExp, fix = /canary lane renew/) => ({
  area: 'lane',
  level: 'warning',
  what: expect.stringMatching(what),
  fix: expect.stringMatching(fix),
});

describe('the copy of the ledger', () => {
  test('of the last move is as it should be', async () => {
    const [state, images] = [laneOf(10 * MINUTE), newImages()];
    for (const repository of images.slice(0, 1)) await keep(repository, state);
    expect(await look(state, images)).toEqual([
      { area: 'lane', level: 'ok', what: 'the registry has a copy of the ledger' },
    ]);
  });

  test('that is missing is a warning', async () => {
    expect(await look(laneOf(10 * MINUTE))).toEqual([
      warning(/^127.0.0.1:\d+\/gate-\d+\/platform:canary-ledger is missing/),
    ]);
  });

  test('of an earlier move is a warning', async () => {
    const images = newImages();
    for (const repository of images) await keep(repository, laneOf(20 * MINUTE));
    expect(await look(laneOf(10 * MINUTE), images)).toEqual([
      warning(/canary-ledger is of \S+Z, the last move of \S+Z/),
    ]);
  });

  test.each<[string, (images: ReturnType<typeof newImages>, state: LaneState) => Promise<unknown>, RegExp]>([
    [
      'that no key of the gate signed',
      async ([first], state) => first && keep(first, state, null),
      /cannot be used: .*no payload key of this gate signed it/,
    ],
    [
      'that the registry does not give',
      async () =>
        server.faults.add({
          match: ({ path }) => path.endsWith('canary-ledger'),
          times: 1,
          respond: () => ociError(403, 'DENIED', 'no'),
        }),
      /cannot be used: .*DENIED/,
    ],
  ])('%s is a warning', async (_what, prepare, what) => {
    const [state, images] = [laneOf(10 * MINUTE), newImages()];
    await prepare(images, state);
    expect(await look(state, images)).toEqual([warning(what)]);
  });

  test('is not expected before the first move, without a lane, or in the minute in which it is written', async () => {
    for (const state of [null, emptyLane(), laneOf(MINUTE / 2)]) expect(await look(state)).toEqual([]);
  });

  test('that the lane could not read when it began is told for any image, also before the first move', async () => {
    const [state, images] = [emptyLane(), newImages()];
    state.ledger.lost = { seen: 0, upTo: null, unread: { why: 'HTTP 503', merged: 0 } };
    for (const repository of images.slice(1)) await keep(repository, laneOf(MINUTE), null);
    expect(await look(state, images)).toEqual([warning(/tenant:canary-ledger: no payload key/, /delete a tag/)]);
  });

  test('that the lane could not read, and this machine can, is told as what the worker has not', async () => {
    const [state, images] = [laneOf(10 * MINUTE), newImages()];
    for (const repository of images) await keep(repository, state);
    state.ledger.lost = { seen: 0, upTo: null, unread: { why: 'HTTP 403', merged: 0 } };
    expect(await look(state, images)).toEqual([warning(/this machine has read .* the worker, .* had not/)]);
  });
});
