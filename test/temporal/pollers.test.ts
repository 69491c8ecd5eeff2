import { Client, Connection } from '@temporalio/client';
import { msToTs } from '@temporalio/common/lib/time.js';
import proto from '@temporalio/proto';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { CLOCK_QUEUE, parseLane } from '../../src/contract/ids.js';
import { checkClock } from '../../src/doctor/temporal.js';
import { checkWorkers } from '../../src/doctor/workers.js';
import { workersOn } from '../../src/temporal/pollers.js';
import { startFixedTemporal } from '../../testbed/fixed-temporal.js';

const { DescribeTaskQueueRequest, DescribeTaskQueueResponse, GetSystemInfoResponse, PollActivityTaskQueueRequest } =
  proto.temporal.api.workflowservice.v1;
const PERMISSION_DENIED = 7;

/** How long ago each worker polled, in milliseconds. */
let polled: Record<string, number>;
/** How far the clock of this process is ahead of the server's, in milliseconds. */
let ahead: number;
/** Whether these credentials may poll. */
let mayPoll: boolean;
/** Those who poll for the time. */
let asking: string[];
beforeEach(() => {
  ahead = 0;
  mayPoll = true;
  asking = [];
});
let temporal: Awaited<ReturnType<typeof startFixedTemporal>>;
let connection: Connection;

beforeAll(async () => {
  temporal = await startFixedTemporal({
    GetSystemInfo: () => GetSystemInfoResponse.encode({ serverVersion: '1.30.1' }).finish(),
    PollActivityTaskQueue: (request) => {
      if (!mayPoll) return PERMISSION_DENIED;
      asking.push(PollActivityTaskQueueRequest.decode(request).identity);
      return 'silent';
    },
    DescribeTaskQueue: (request) => {
      const isClock = DescribeTaskQueueRequest.decode(request).taskQueue?.name === CLOCK_QUEUE;
      const pollers = isClock ? Object.fromEntries(asking.map((identity) => [identity, 0])) : polled;
      return DescribeTaskQueueResponse.encode({
        pollers: Object.entries(pollers).map(([identity, ago]) => ({
          identity,
          lastAccessTime: msToTs(Date.now() - ahead - ago),
        })),
      }).finish();
    },
  });
  connection = await Connection.connect({ address: temporal.address });
});
afterAll(async () => {
  await connection.close();
  await temporal.stop();
});

test('a worker that has not polled for 90 s counts as gone, though the server lists it for five minutes', async () => {
  polled = { 'polls-now': 0, 'in a long poll': 70_000, 'killed a while ago': 95_000 };
  expect(await workersOn(new Client({ connection }), 'canary-release')).toEqual(['polls-now', 'in a long poll']);
});

test('doctor says that no worker polls, if all have been silent for 90 s', async () => {
  polled = { 'killed a while ago': 95_000 };
  const found = await checkWorkers(new Client({ connection }), parseLane(''), null);
  expect(found.map(({ level, what }) => `${level}: ${what}`)).toEqual([
    'stops: no worker polls canary-release: nothing moves until one does',
    'stops: no worker polls canary-release-move: nothing moves until one does',
  ]);
});

describe('a wrong clock of this process', () => {
  // What the server told of its time is known by connection.
  const opened: Connection[] = [];
  afterAll(() => Promise.all(opened.map((one) => one.close())));
  const newClient = () => {
    const own = Connection.lazy({ address: temporal.address });
    opened.push(own);
    return new Client({ connection: own });
  };

  test('makes no live worker silent, and no dead one alive: Temporal tells its time', async () => {
    polled = { 'polls-now': 1_000, 'in a long poll': 70_000, 'killed a while ago': 95_000 };
    for (ahead of [120_000, -120_000])
      expect([ahead, await workersOn(newClient(), 'canary-release')]).toEqual([ahead, ['polls-now', 'in a long poll']]);
  });

  test('is not asked for while each poll is recent by it, and once for all queues else', async () => {
    polled = { 'polls-now': 0 };
    await workersOn(newClient(), 'canary-release');
    expect(asking).toEqual([]);
    ahead = 120_000;
    const client = newClient();
    await checkWorkers(client, parseLane(''), null);
    await checkClock(client);
    expect(asking).toHaveLength(1);
  });

  test.each([
    [90_000, "90 s ahead of Temporal's"],
    [-11_000, "11 s behind Temporal's"],
  ])('is a warning of doctor, if it is %i ms ahead', async (ms, says) => {
    ahead = ms;
    const [found] = await checkClock(newClient());
    expect(found).toMatchObject({ level: 'warning', fix: 'synchronize the clock of this machine (NTP)' });
    expect(found?.what).toContain(`the clock of this shell is ${says}, `);
  });

  test('is no finding of doctor while it is within 5 s', async () => {
    ahead = 3_000;
    expect(await checkClock(newClient())).toEqual([]);
  });

  test('is believed where these credentials may not poll', async () => {
    mayPoll = false;
    ahead = 120_000;
    polled = { 'polls-now': 0 };
    expect(await workersOn(newClient(), 'canary-release')).toEqual([]);
    expect(await checkClock(newClient())).toEqual([]);
  });
});
