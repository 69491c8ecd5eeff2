import { Client, Connection } from '@temporalio/client';
import { msToTs } from '@temporalio/common/lib/time.js';
import proto from '@temporalio/proto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { CLOCK_QUEUE, parseLane } from '../../src/contract/ids.js';
import { checkWorkers } from '../../src/doctor/workers.js';
import { startFixedTemporal } from '../../testbed/fixed-temporal.js';

const { DescribeTaskQueueRequest, DescribeTaskQueueResponse, GetSystemInfoResponse } =
  proto.temporal.api.workflowservice.v1;
const { WorkerVersioningMode } = proto.temporal.api.enums.v1;

/** Versions of the workers that poll. */
let polled: string[] = [];
let isVersioned = false;
/** Version of the worker that polls for moves; by default as all others. */
let mover: string | null = null;
/** What polls the queue of clocks. */
let told: string[] = [];
const identityOf = (version: string, index: number) => `${index + 1}@host/${version}#1a2b3c4d.x`;
let server: Awaited<ReturnType<typeof startFixedTemporal>>;
let connection: Connection;
const versionsOn = (queue: string) => (mover !== null && queue.endsWith('-move') ? [mover] : polled);
beforeAll(async () => {
  server = await startFixedTemporal({
    GetSystemInfo: () => GetSystemInfoResponse.encode({ serverVersion: '1.32.0' }).finish(),
    DescribeTaskQueue: (request) => {
      const queue = DescribeTaskQueueRequest.decode(request).taskQueue?.name ?? '';
      const identities = queue === CLOCK_QUEUE ? told : versionsOn(queue).map(identityOf);
      const pollers = identities.map((identity) => ({
        identity,
        lastAccessTime: msToTs(Date.now()),
        ...(isVersioned && {
          deploymentOptions: { workerVersioningMode: WorkerVersioningMode.WORKER_VERSIONING_MODE_VERSIONED },
        }),
      }));
      return DescribeTaskQueueResponse.encode({ pollers }).finish();
    },
  });
  connection = await Connection.connect({ address: server.address });
});
afterAll(async () => {
  await connection.close();
  await server.stop();
});

const found = async () =>
  (await checkWorkers(new Client({ connection }), parseLane(''), null)).filter(({ level }) => level !== 'ok');

test('workers of one version are no finding', async () => {
  polled = ['0.1.0+aaaaaaaa', '0.1.0+aaaaaaaa'];
  expect(await found()).toEqual([]);
});

test.each([
  [660_000, '660 s ahead of'],
  [-7_400, '7 s behind'],
])('a worker that told of its clock, %i ms ahead, is a warning; one of another gate is none', async (aheadMs, text) => {
  polled = ['0.1.0+aaaaaaaa'];
  told = [
    `${identityOf('0.1.0+aaaaaaaa', 0)} clock ${aheadMs}`,
    '7@other/0.1.0+aaaaaaaa#1a2b3c4d.x clock 9000',
    'clock-1',
  ];
  const warnings = await found();
  told = [];
  expect(warnings).toEqual([
    {
      area: 'workers',
      level: 'warning',
      what: `the clock of 1@host/0.1.0+aaaaaaaa#1a2b3c4d is ${text} Temporal's, so times that it writes are wrong`,
      fix: expect.stringContaining('synchronize the clock of its machine (NTP)'),
    },
  ]);
});

test('workers of two versions are a warning that names them, and how to end it', async () => {
  polled = ['0.1.0+aaaaaaaa', '0.1.0+bbbbbbbb'];
  expect(await found()).toEqual([
    {
      area: 'workers',
      level: 'warning',
      what: 'workers run 2 versions: 0.1.0+aaaaaaaa (1@host), 0.1.0+bbbbbbbb (2@host), and any of them may take any run',
      fix: expect.stringContaining('finish the upgrade: restart those of the old version'),
    },
  ]);
});

test('an old version that polls for moves alone is named too, and that one that has stopped is listed for a while', async () => {
  [polled, mover] = [['0.1.0+bbbbbbbb'], '0.1.0+aaaaaaaa'];
  const [warning] = await found();
  mover = null;
  expect(warning).toMatchObject({
    what: expect.stringContaining('workers run 2 versions: 0.1.0+aaaaaaaa (1@host), 0.1.0+bbbbbbbb (1@host)'),
    fix: expect.stringContaining('one that has stopped is listed for 90 s'),
  });
  polled = ['0.1.0+aaaaaaaa', '0.1.0+bbbbbbbb'];
});

test('two versions of a Worker Deployment are a note: each has its own runs', async () => {
  isVersioned = true;
  expect(await found()).toEqual([
    expect.objectContaining({ level: 'note', what: expect.stringContaining('each with its own runs') }),
  ]);
});
