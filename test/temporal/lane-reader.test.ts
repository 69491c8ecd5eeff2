import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Client, Connection } from '@temporalio/client';
import type { Payload } from '@temporalio/common';
import { historyFromJSON } from '@temporalio/common/lib/proto-utils.js';
import { msToTs } from '@temporalio/common/lib/time.js';
import proto from '@temporalio/proto';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { parseLane, releaseLaneId, taskQueue } from '../../src/contract/ids.js';
import type { LaneState } from '../../src/contract/lane.js';
import { laneClient, laneState } from '../../src/temporal/lane-client.js';
import { readLane } from '../../src/temporal/lane-view.js';
import { PayloadUnreadable } from '../../src/temporal/payloads/codec.js';
import { startFixedTemporal } from '../../testbed/fixed-temporal.js';
import { repositoryRoot } from '../../testbed/tools.js';

const {
  DescribeWorkflowExecutionRequest,
  DescribeWorkflowExecutionResponse,
  GetSystemInfoResponse,
  GetWorkflowExecutionHistoryRequest,
  GetWorkflowExecutionHistoryResponse,
  GetWorkflowExecutionHistoryReverseRequest,
} = proto.temporal.api.workflowservice.v1;
const { WORKFLOW_EXECUTION_STATUS_RUNNING: RUNNING, WORKFLOW_EXECUTION_STATUS_CONTINUED_AS_NEW: CONTINUED } =
  proto.temporal.api.enums.v1.WorkflowExecutionStatus;
/** gRPC status code. */
const INVALID_ARGUMENT = 3;
const lane = parseLane('');
const file = join(repositoryRoot, 'test', 'histories', 'promoted.ReleaseLane.json');
const events = historyFromJSON(JSON.parse(readFileSync(file, 'utf8')).history).events ?? [];
/** Events of a page. */
const SIZE = 10;
/** How long an attempt may take, and one on a server that answers it, in milliseconds. */
const ATTEMPT_MS = 500;
const WHOLE_MS = 10_000;
/** Events of the run before its last records. */
const PAST = 40;

/** First events of the pages that were asked for, in order; those that were answered count. */
let answered: number[];
/** Pages that are answered before the server goes silent. */
let left: number;
/** Run ids of the descriptions, in order; empty for the latest run. */
let described: string[];
/** The latest run of the lane. The one before it has ended. */
let latest: string;
/** Events that the run has. */
let length: number;
let refusesTokens: boolean;
let server: Awaited<ReturnType<typeof startFixedTemporal>>;
let connection: Connection;

/** A page of ten events. A token names the next event, and the end of the run when the first page was read, as the server's does. */
function page(token: Uint8Array, isReverse: boolean) {
  const [at = 0, end = length] = JSON.parse(Buffer.from(token).toString() || '[]') as number[];
  if (refusesTokens && at > 0) return INVALID_ARGUMENT;
  if (left === 0) return 'silent';
  left -= 1;
  answered.push(at);
  const all = isReverse ? events.slice(0, end).reverse() : events.slice(0, end);
  const next = at + SIZE < end ? Buffer.from(JSON.stringify([at + SIZE, end])) : undefined;
  const found = { history: { events: all.slice(at, at + SIZE) }, ...(next && { nextPageToken: next }) };
  return GetWorkflowExecutionHistoryResponse.encode(found).finish();
}

beforeAll(async () => {
  server = await startFixedTemporal({
    GetSystemInfo: () => GetSystemInfoResponse.encode({ serverVersion: '1.32.0' }).finish(),
    DescribeWorkflowExecution: (sent) => {
      const asked = DescribeWorkflowExecutionRequest.decode(sent).execution?.runId ?? '';
      described.push(asked);
      const runId = asked || latest;
      return DescribeWorkflowExecutionResponse.encode({
        workflowExecutionInfo: {
          execution: { workflowId: releaseLaneId(lane), runId },
          type: { name: 'ReleaseLane' },
          taskQueue: taskQueue(lane),
          startTime: msToTs(0),
          status: runId === latest ? RUNNING : CONTINUED,
          historyLength: length as unknown as proto.temporal.api.workflow.v1.WorkflowExecutionInfo['historyLength'],
        },
      }).finish();
    },
    GetWorkflowExecutionHistory: (sent) => page(GetWorkflowExecutionHistoryRequest.decode(sent).nextPageToken, false),
    GetWorkflowExecutionHistoryReverse: (sent) =>
      page(GetWorkflowExecutionHistoryReverseRequest.decode(sent).nextPageToken, true),
  });
  connection = await Connection.connect({ address: server.address });
});
afterAll(async () => {
  await connection.close();
  await server.stop();
});
beforeEach(() => {
  answered = [];
  described = [];
  latest = 'run-of-the-lane';
  left = Number.POSITIVE_INFINITY;
  length = events.length;
  refusesTokens = false;
});

/** The state as one attempt of a person or a worker reads it: each makes its own client of the lane. */
const attempt = (client: Client, ms = ATTEMPT_MS) => laneClient(client, lane, ms).state();

test('the state of a lane is read once for all who ask, and cannot be changed by one of them', async () => {
  const client = new Client({ connection });
  const state = await attempt(client, WHOLE_MS);
  expect(await attempt(client, WHOLE_MS)).toBe(state);
  expect(() => state?.ledger.history.pop()).toThrow(TypeError);
});

test('the run that was read last is asked for by its id, and the latest one only once it has ended', async () => {
  const client = new Client({ connection });
  await attempt(client, WHOLE_MS);
  await attempt(client, WHOLE_MS);
  expect(described).toEqual(['', 'run-of-the-lane']);
  latest = 'run-after-it';
  answered = [];
  expect(await attempt(client, WHOLE_MS)).not.toBeNull();
  expect(described.slice(2)).toEqual(['run-of-the-lane', '']);
  expect(answered[0]).toBe(0);
  await attempt(client, WHOLE_MS);
  expect(described.slice(4)).toEqual(['run-after-it']);
});

test.each([
  ['of all of it', 0],
  ['of its last records', PAST],
])('a lane is read as soon as the key %s is there, without one more page', async (_part, before) => {
  const whole = await attempt(new Client({ connection }), WHOLE_MS);
  let isMissing = false;
  const decode = async (payloads: Payload[]) => {
    if (isMissing) throw new PayloadUnreadable('encrypted with key 2026-12');
    return payloads;
  };
  const codec = { encode: async (payloads: Payload[]) => payloads, decode };
  const client = new Client({ connection, dataConverter: { payloadCodecs: [codec] } });
  length = before;
  if (before > 0) await attempt(client);
  [length, isMissing] = [events.length, true];
  expect(await attempt(client, WHOLE_MS)).toBeNull();
  await expect(laneState(client, lane, WHOLE_MS)).rejects.toThrow('key 2026-12');
  expect(await readLane(client, lane, WHOLE_MS)).toBe('unreadable');
  [answered, isMissing] = [[], false];
  expect(await attempt(client, WHOLE_MS)).toEqual(whole);
  expect(answered).toEqual([]);
});

const pagesOf = (count: number) => Array.from({ length: Math.ceil(count / SIZE) }, (_, index) => index * SIZE);

describe('the state of a lane on a server that answers two pages in the time of an attempt', () => {
  test('is read in a few attempts, and no page twice', async () => {
    const whole = await attempt(new Client({ connection }), WHOLE_MS);
    expect(whole?.ledger.history.length).toBeGreaterThan(0);
    expect(answered).toEqual(pagesOf(events.length));
    answered = [];
    const client = new Client({ connection });
    let state: LaneState | null = null;
    let attempts = 0;
    for (; state === null && attempts < 20; attempts += 1) {
      left = 2;
      state = await attempt(client);
    }
    expect(state).toEqual(whole);
    expect(attempts).toBeGreaterThan(1);
    expect(answered).toEqual(pagesOf(events.length));
  });

  test('is that of now, if the run went on between two attempts', async () => {
    const whole = await attempt(new Client({ connection }), WHOLE_MS);
    const client = new Client({ connection });
    length = PAST;
    left = 2;
    expect(await attempt(client)).toBeNull();
    length = events.length;
    left = Number.POSITIVE_INFINITY;
    expect(await attempt(client, WHOLE_MS)).toEqual(whole);
  });

  test('is read from the start if the server no longer takes the place where it was', async () => {
    const whole = await attempt(new Client({ connection }), WHOLE_MS);
    const client = new Client({ connection });
    left = 2;
    expect(await attempt(client)).toBeNull();
    refusesTokens = true;
    expect(await attempt(client)).toBeNull();
    refusesTokens = false;
    left = Number.POSITIVE_INFINITY;
    answered = [];
    expect(await attempt(client, WHOLE_MS)).toEqual(whole);
    expect(answered).toEqual(pagesOf(events.length));
  });
});
