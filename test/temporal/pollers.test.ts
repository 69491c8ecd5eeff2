import { Client, Connection } from '@temporalio/client';
import { msToTs } from '@temporalio/common/lib/time.js';
import proto from '@temporalio/proto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { parseLane } from '../../src/contract/ids.js';
import { checkWorkers } from '../../src/doctor/workers.js';
import { workersOn } from '../../src/temporal/pollers.js';
import { startFixedTemporal } from '../../testbed/fixed-temporal.js';

const { DescribeTaskQueueResponse, GetSystemInfoResponse } = proto.temporal.api.workflowservice.v1;

/** How long ago each worker polled, in milliseconds. */
let polled: Record<string, number>;
let temporal: Awaited<ReturnType<typeof startFixedTemporal>>;
let connection: Connection;

beforeAll(async () => {
  temporal = await startFixedTemporal({
    GetSystemInfo: () => GetSystemInfoResponse.encode({ serverVersion: '1.30.1' }).finish(),
    DescribeTaskQueue: () =>
      DescribeTaskQueueResponse.encode({
        pollers: Object.entries(polled).map(([identity, ago]) => ({
          identity,
          lastAccessTime: msToTs(Date.now() - ago),
        })),
      }).finish(),
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
