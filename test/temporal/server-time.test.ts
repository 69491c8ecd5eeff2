import { Client, Connection } from '@temporalio/client';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { serverTime, timeNow } from '../../src/temporal/faults/server-time.js';
import { watchClock } from '../../workers/follow/clock.js';
import { useGate } from '../support/gate.js';
import { laneHandle } from '../support/lanes.js';
import { temporalAddress } from '../support/servers.js';
import { newSha } from '../support/shas.js';
import { until } from '../support/until.js';

const HOUR_MS = 3_600_000;
const gate = useGate('server-time');
const setClock = (byMs: number) => vi.setSystemTime(Date.now() + byMs);
const real = () => performance.timeOrigin + performance.now();
/** Whether a time is that of the server, whose machine is this one, up to what counts as a difference. */
const isRight = (time: number) => Math.abs(time - real()) < 5_000;

beforeEach(() => void vi.useFakeTimers({ toFake: ['Date'], now: Date.now() }));
afterEach(() => void vi.useRealTimers());

test('the time is that of the server once it has told it, also after the clock of the machine was set', async () => {
  const { client } = gate();
  setClock(HOUR_MS);
  expect(isRight(timeNow(client))).toBe(false);
  await serverTime(client);
  expect(isRight(timeNow(client))).toBe(true);

  // Either clock may be the wrong one now: the server is asked, and tells.
  setClock(-2 * HOUR_MS);
  expect(isRight(timeNow(client))).toBe(false);
  await until('it has told again', () => isRight(timeNow(client)));
});

describe('a worker on a machine whose clock is wrong', () => {
  // A connection of its own: no other test has asked on it.
  let client: Client;
  beforeEach(async () => {
    client = new Client({ connection: await Connection.connect({ address: temporalAddress() }) });
    setClock(HOUR_MS);
  });
  afterEach(() => client.connection.close());

  test('knows the time of the server before its first task', async () => {
    const unwatch = await watchClock(client, 'clock');
    expect(isRight(timeNow(client))).toBe(true);
    unwatch();
  });

  test('asks until it is told the time', async () => {
    expect(await serverTime(client, 0)).toBeNull();
    expect(isRight(timeNow(client))).toBe(false);
    await until('it has told', () => isRight(timeNow(client)));
  });
});

test('a pause that has not ended holds a release also on a machine whose clock is ahead', async () => {
  const { client, laneClient } = gate();
  await gate().begin(newSha());
  const end = new Date(real() + HOUR_MS / 2).toISOString();
  await gate().sendToLane('pause', { by: 'ada', reason: 'it burns', until: end });
  setClock(HOUR_MS);
  await serverTime(client);
  const position = await laneClient.position({ runId: (await laneHandle(gate()).describe()).runId });
  expect(position?.status.pause).toMatchObject({ until: end });
  await gate().sendToLane('resume', { by: 'ada', reason: 'it is out' });
});
