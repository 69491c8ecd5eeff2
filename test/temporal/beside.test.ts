import { randomBytes } from 'node:crypto';
import { Client, Connection } from '@temporalio/client';
import { defaultPayloadConverter, type Payload } from '@temporalio/common';
import { msToTs } from '@temporalio/common/lib/time.js';
import proto, { type temporal } from '@temporalio/proto';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { DeliveredEvent } from '../../src/contract/events.js';
import { deliverEventsId, parseLane, watchProductionId } from '../../src/contract/ids.js';
import { deliverEventSignal } from '../../src/contract/messages.js';
import { parseSha } from '../../src/contract/sha.js';
import { time } from '../../src/domain/markdown.js';
import { lostDeliveries, lostEvents, noteReplayed } from '../../src/temporal/deliveries/lost-events.js';
import { payloadCodec } from '../../src/temporal/payloads/codec.js';
import { type PayloadKeys, parsePayloadKeys } from '../../src/temporal/payloads/keys.js';
import { productionNow } from '../../src/temporal/production.js';
import { startFixedTemporal } from '../../testbed/fixed-temporal.js';
import { alarmed, held, promoted } from '../support/events.js';

const service = proto.temporal.api.workflowservice.v1;
const {
  WORKFLOW_EXECUTION_STATUS_RUNNING: RUNNING,
  WORKFLOW_EXECUTION_STATUS_TERMINATED: TERMINATED,
  WORKFLOW_EXECUTION_STATUS_CANCELED: CANCELED,
  WORKFLOW_EXECUTION_STATUS_CONTINUED_AS_NEW: CONTINUED_AS_NEW,
} = proto.temporal.api.enums.v1.WorkflowExecutionStatus;

const NOT_FOUND = 5;
const RETENTION_MS = 3 * 24 * 60 * 60_000;

const LANE = parseLane('');
const SHA = parseSha('4c1d56e');
type Info = temporal.api.workflow.v1.WorkflowExecutionInfo.$Properties;

const payload = (value: unknown, type?: string) => {
  const made = defaultPayloadConverter.toPayload(value);
  return type ? { ...made, metadata: { ...made?.metadata, type: Buffer.from(type) } } : made;
};
const infoOf = (workflowId: string, runId: string, more: Info): Info => ({
  execution: { workflowId, runId },
  type: { name: 'Any' },
  taskQueue: 'canary-release',
  startTime: msToTs(Date.now() - 60_000),
  ...more,
});

/** Runs as a list shows them, and as they are; what they were told, by run id. */
let listed: Info[] = [];
let described: Info | undefined;
/** Those that are described in its place, by run id or workflow id. */
let byId: Record<string, Info> = {};
beforeEach(() => {
  byId = {};
});
let histories: Record<string, temporal.api.history.v1.HistoryEvent.$Properties[]> = {};
let server: Awaited<ReturnType<typeof startFixedTemporal>>;
let connection: Connection;
beforeAll(async () => {
  server = await startFixedTemporal({
    GetSystemInfo: () => service.GetSystemInfoResponse.encode({ serverVersion: '1.32.0' }).finish(),
    ListWorkflowExecutions: () => service.ListWorkflowExecutionsResponse.encode({ executions: listed }).finish(),
    DescribeWorkflowExecution: (request) => {
      const { execution } = service.DescribeWorkflowExecutionRequest.decode(request);
      const workflowExecutionInfo = byId[execution?.runId || (execution?.workflowId ?? '')] ?? described;
      return workflowExecutionInfo
        ? service.DescribeWorkflowExecutionResponse.encode({ workflowExecutionInfo }).finish()
        : NOT_FOUND;
    },
    SignalWithStartWorkflowExecution: (request) => {
      const { signalInput: input } = service.SignalWithStartWorkflowExecutionRequest.decode(request);
      const noted = {
        workflowExecutionSignaledEventAttributes: { signalName: deliverEventSignal.name, input: input ?? null },
      };
      histories.noted = [...(histories.noted ?? []), noted];
      return service.SignalWithStartWorkflowExecutionResponse.encode({ runId: 'noted' }).finish();
    },
    DescribeNamespace: () => {
      const config = { workflowExecutionRetentionTtl: msToTs(RETENTION_MS) };
      return service.DescribeNamespaceResponse.encode({ config }).finish();
    },
    GetWorkflowExecutionHistory: (request) => {
      const { execution } = service.GetWorkflowExecutionHistoryRequest.decode(request);
      const events = histories[execution?.runId ?? ''] ?? [];
      return service.GetWorkflowExecutionHistoryResponse.encode({ history: { events } }).finish();
    },
  });
  connection = await Connection.connect({ address: server.address });
});
afterAll(async () => {
  await connection.close();
  await server.stop();
});

/** The order to deliver one event, as a delivery gets it. */
const told = (id: string) =>
  ordered({
    type: 'superseded',
    outcome: 'superseded',
    why: 'for the test',
    id,
    at: new Date().toISOString(),
    workflow: 'CanaryRelease',
    workflowId: 'canary-release-4c1d56e',
    sha: SHA,
  } as DeliveredEvent);
function ordered(event: DeliveredEvent, sinks = ['webhook']) {
  const order = payload({ event, sinks, reminded: [] });
  const input = { payloads: order ? [order] : [] };
  return { workflowExecutionSignaledEventAttributes: { signalName: deliverEventSignal.name, input } };
}
/** Number as the server sends it, of 64 bits. */
const longOf = (number: number) => msToTs(number * 1_000).seconds ?? null;
/** A delivery that was given up, as two events of a history. */
const gaveUp = (number: number, sink: string, event: DeliveredEvent) => [
  {
    eventId: longOf(number),
    activityTaskScheduledEventAttributes: {
      activityType: { name: 'deliver' },
      input: { payloads: [payload(sink) ?? {}, payload(event) ?? {}] },
    },
  },
  {
    eventTime: msToTs(Date.now()),
    activityTaskFailedEventAttributes: {
      scheduledEventId: longOf(number),
      failure: { message: `${sink}: answered 410` },
    },
  },
];

const ID = deliverEventsId(LANE);
const closed = { closeTime: msToTs(Date.now()) };
const lost = () => lostEvents(new Client({ connection }), LANE, 10_000);

test('events of a delivery that was terminated are told also while a list still shows it as running', async () => {
  listed = [infoOf(ID, 'a', { status: RUNNING })];
  described = infoOf(ID, 'b', { status: RUNNING });
  byId.a = infoOf(ID, 'a', { status: TERMINATED, ...closed });
  histories = { a: [told('1f6f2c6e-1')] };
  expect(await lost()).toEqual([
    {
      what: 'webhook did not get an event of the last day, last superseded of 4c1d56e: deliver-events was terminated',
      fix: 'canary events --replay --to webhook',
    },
  ]);
});

test('events of a delivery are told also while a list does not have it yet', async () => {
  listed = [];
  described = infoOf(ID, 'a', { status: TERMINATED, ...closed });
  histories = { a: [told('1f6f2c6e-1')] };
  expect(await lost()).toHaveLength(1);
});

describe('what a sink lost', () => {
  const client = () => new Client({ connection });
  const { sha: _none, ...alarm } = alarmed(1);
  const split = { ...alarm, workflow: 'ReleaseLane', workflowId: 'release-lane' } as DeliveredEvent;
  const hold = held(2);
  const green = promoted(4);
  beforeEach(() => {
    listed = [infoOf(ID, 'a', { status: RUNNING })];
    described = infoOf(ID, 'a', { status: RUNNING });
    byId.a = described;
    byId['canary-release-4c1d56e'] = infoOf('canary-release-4c1d56e', 'r', { status: RUNNING });
    histories = {
      a: [
        ...[split, hold, green].map((event) => ordered(event, ['slack'])),
        ...gaveUp(10, 'slack', green),
        ...gaveUp(12, 'slack', hold),
        ...gaveUp(14, 'slack', split),
      ],
    };
  });

  test('is read with its payloads, in order, whatever workflow it is of, and with what came later', async () => {
    expect(await lostDeliveries(client(), LANE, null)).toEqual([
      { sink: 'slack', event: split, later: [hold, green], isOvertaken: false },
      { sink: 'slack', event: hold, later: [green], isOvertaken: true },
      { sink: 'slack', event: green, later: [], isOvertaken: false },
    ]);
    expect(await lostDeliveries(client(), LANE, parseSha('4c1d56e'))).toHaveLength(2);
  });

  test('has a hold that is over if its run has ended', async () => {
    histories = { a: [ordered(hold, ['slack']), ...gaveUp(10, 'slack', hold)] };
    const isOver = async () => (await lostDeliveries(client(), LANE, null)).map((one) => one.isOvertaken);
    expect(await isOver()).toEqual([false]);
    byId['canary-release-4c1d56e'] = infoOf('canary-release-4c1d56e', 'r', { status: TERMINATED, ...closed });
    expect(await isOver()).toEqual([true]);
  });

  describe('while a key is missing that encrypted it', () => {
    const keys = parsePayloadKeys(`key-1:${randomBytes(32).toString('base64')}`);
    const withKeys = (of: PayloadKeys | null) =>
      new Client({ connection, dataConverter: { payloadCodecs: [payloadCodec(of, 'throw')] } });
    /** Encrypts the payloads of an order, or of a delivery. */
    const encrypted = async (event: temporal.api.history.v1.HistoryEvent.$Properties) => {
      const attributes = event.workflowExecutionSignaledEventAttributes ?? event.activityTaskScheduledEventAttributes;
      if (attributes?.input?.payloads)
        attributes.input.payloads = await payloadCodec(keys, 'throw').encode(attributes.input.payloads as Payload[]);
      return event;
    };
    const lacked = 'the payload is encrypted with key key-1: set CANARY_PAYLOAD_KEY_FILE';
    const dropped = (number: number) => ({
      markerRecordedEventAttributes: {
        markerName: 'core_patch',
        details: { 'patch-data': { payloads: [payload({ id: `dropped-${number}`, deprecated: false }) ?? {}] } },
      },
    });

    test('is not sent in part, but told, with the key that it needs', async () => {
      histories.a = await Promise.all((histories.a ?? []).map(encrypted));
      await expect(lostDeliveries(withKeys(null), LANE, null)).rejects.toThrow(lacked);
      expect(await lostDeliveries(withKeys(keys), LANE, null)).toHaveLength(3);
      expect(await lostEvents(withKeys(null), LANE, 10_000)).toEqual([
        {
          what: 'a sink did not get 3 events of the last day, last an event that cannot be read: slack: answered 410',
          fix: 'set CANARY_PAYLOAD_KEY_FILE here as the workers have it',
        },
      ]);
      expect(await lostEvents(withKeys(keys), LANE, 10_000)).toMatchObject([
        { fix: expect.stringContaining('--to slack') },
      ]);
    });

    test('is not sent if a later order alone is hidden, unless the run dropped that: anybody may send one', async () => {
      histories.a?.push(await encrypted(ordered(promoted(6), ['slack'])));
      await expect(lostDeliveries(withKeys(null), LANE, null)).rejects.toThrow(lacked);
      // The run received its input, three orders, and this one.
      histories.a?.push(dropped(4));
      await expect(lostDeliveries(withKeys(null), LANE, null)).rejects.toThrow(lacked);
      histories.a?.push(dropped(5));
      expect(await lostDeliveries(withKeys(null), LANE, null)).toHaveLength(3);
    });
  });

  test('is neither told nor sent any more once it was noted as replayed, also while no list has that note', async () => {
    const [first, ...others] = await lostDeliveries(client(), LANE, null);
    if (first) await noteReplayed(client(), LANE, first);
    described = infoOf(ID, 'noted', { status: RUNNING });
    expect(await lostDeliveries(client(), LANE, null)).toEqual(others);
    expect(await lost()).toEqual([expect.objectContaining({ what: expect.stringContaining('did not get 2 events') })]);
  });
});

describe('an event that a delivery carried to its next run', () => {
  const carried = (...events: DeliveredEvent[]) => ({
    workflowExecutionStartedEventAttributes: { input: { payloads: [payload({ queues: { slack: events } }) ?? {}] } },
  });
  const { sha: _none, ...alarm } = alarmed(1);
  const event = { ...alarm, workflow: 'ReleaseLane', workflowId: 'release-lane' } as DeliveredEvent;
  beforeEach(() => {
    listed = [infoOf(ID, 'a', { status: CONTINUED_AS_NEW, ...closed })];
    histories = { a: [ordered(event, ['slack'])], b: [carried(event)] };
  });

  test('is lost if that was terminated', async () => {
    described = infoOf(ID, 'b', { status: TERMINATED, ...closed });
    expect(await lost()).toEqual([
      expect.objectContaining({ what: expect.stringContaining('last alarm: deliver-events was terminated') }),
    ]);
    expect(await lostDeliveries(new Client({ connection }), LANE, null)).toMatchObject([{ sink: 'slack', event }]);
  });

  test('is not lost while that goes on, or if one that was reset from it has it', async () => {
    described = infoOf(ID, 'b', { status: RUNNING });
    expect(await lost()).toEqual([]);
    listed = [...listed, infoOf(ID, 'b', { status: TERMINATED, ...closed })];
    described = infoOf(ID, 'c', { status: RUNNING });
    histories.c = [carried(event)];
    expect(await lost()).toEqual([]);
  });
});

test('an event that two ended deliveries had not delivered, as after a reset, counts once', async () => {
  listed = ['b', 'a'].map((runId) => infoOf(ID, runId, { status: TERMINATED, ...closed }));
  histories = { a: [told('1f6f2c6e-1')], b: [told('1f6f2c6e-1'), told('1f6f2c6e-2')] };
  expect(await lost()).toEqual([expect.objectContaining({ what: expect.stringContaining('did not get 2 events') })]);
});

test.each([
  [
    'that it saw red tenants',
    CANCELED,
    'was cancelled',
    { CanaryOutcome: 'CanaryAborted', CanaryTenantsRed: ['acme'] },
  ],
  ['that production was red', TERMINATED, 'was terminated', { CanaryOutcome: 'red' }],
  ['nothing more, if it saw nothing red', TERMINATED, 'was terminated', {}],
])(
  'of a watch that a person ended %s is told, and that a new one only looks',
  async (_what, status, how, attributes) => {
    const workflowId = watchProductionId(LANE, SHA);
    const indexedFields = Object.fromEntries(
      Object.entries(attributes).map(([name, value]) => [
        name,
        payload(value, Array.isArray(value) ? 'KeywordList' : 'Keyword') ?? {},
      ]),
    );
    described = infoOf(workflowId, 'w', { status, ...closed, searchAttributes: { indexedFields } });
    const { CanaryTenantsRed, CanaryOutcome } = attributes as { CanaryTenantsRed?: string[]; CanaryOutcome?: string };
    const red = CanaryTenantsRed ? ': acme' : '';
    const saw = CanaryOutcome ? `; it saw production red${red}` : '';
    expect((await productionNow(new Client({ connection }), LANE, SHA))?.unwatched).toEqual({
      workflowId,
      what: `${how} before its end, so production is no longer watched${saw}`,
      fix: `temporal workflow start --type WatchProduction --task-queue canary-release --workflow-id ${workflowId} --input '{"sha":"${SHA}"}' # it only looks: no automatic rollback, no delivery`,
    });
  },
);

describe('a watch that the lane started, and that is not on the server,', () => {
  const ago = (ms: number) => new Date(Date.now() - ms).toISOString();
  const unwatched = async (since: string, isStarted: boolean) =>
    (await productionNow(new Client({ connection }), LANE, SHA, since, isStarted))?.unwatched ?? null;

  test('was deleted, which is told with its start', async () => {
    described = undefined;
    const since = ago(60_000);
    const workflowId = watchProductionId(LANE, SHA);
    expect(await unwatched(since, true)).toEqual({
      workflowId,
      what: `was started at ${time(since)} and is not on the server: deleted before its time, so it is not known how production took ${SHA}`,
      fix: `temporal workflow start --type WatchProduction --task-queue canary-release --workflow-id ${workflowId} --input '{"sha":"${SHA}"}' # it only looks: no automatic rollback, no delivery`,
    });
  });

  test('is told also if a watch over an earlier move to the build is there', async () => {
    described = infoOf(watchProductionId(LANE, SHA), 'w', { status: TERMINATED, ...closed });
    expect(await unwatched(ago(1_000), true)).toMatchObject({ what: expect.stringContaining('is not on the server') });
  });

  test.each([
    ['after the retention of its namespace', ago(RETENTION_MS + 1_000), true],
    ['if the lane started none', ago(60_000), false],
  ])('is no news %s', async (_when, since, isStarted) => {
    described = undefined;
    expect(await unwatched(since, isStarted)).toBeNull();
  });
});
