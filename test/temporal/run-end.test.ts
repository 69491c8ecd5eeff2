import { Client, Connection } from '@temporalio/client';
import { ApplicationFailure, defaultFailureConverter, defaultPayloadConverter } from '@temporalio/common';
import proto from '@temporalio/proto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { awaitAddition } from '../../src/temporal/records/additions.js';
import { awaitRunEnd } from '../../src/temporal/runs.js';
import { startFixedTemporal } from '../../testbed/fixed-temporal.js';

const { GetSystemInfoResponse, GetWorkflowExecutionHistoryResponse } = proto.temporal.api.workflowservice.v1;
const { EventType } = proto.temporal.api.enums.v1;

/** A server that has one ended run. */
let last: proto.temporal.api.history.v1.IHistoryEvent;
let server: Awaited<ReturnType<typeof startFixedTemporal>>;
let connection: Connection;
beforeAll(async () => {
  server = await startFixedTemporal({
    GetSystemInfo: () => GetSystemInfoResponse.encode({ serverVersion: '1.32.0' }).finish(),
    GetWorkflowExecutionHistory: () =>
      GetWorkflowExecutionHistoryResponse.encode({ history: { events: [last] } }).finish(),
  });
  connection = await Connection.connect({ address: server.address });
});
afterAll(async () => {
  await connection.close();
  await server.stop();
});

const endOfRun = () => awaitRunEnd(new Client({ connection }).workflow.getHandle('canary-release-4c1d56e'));
const completed = (result: unknown) => ({
  eventType: EventType.EVENT_TYPE_WORKFLOW_EXECUTION_COMPLETED,
  workflowExecutionCompletedEventAttributes: { result: { payloads: [defaultPayloadConverter.toPayload(result)] } },
});
const failed = (type: string, ...details: unknown[]) => ({
  eventType: EventType.EVENT_TYPE_WORKFLOW_EXECUTION_FAILED,
  workflowExecutionFailedEventAttributes: {
    failure: defaultFailureConverter.errorToFailure(
      ApplicationFailure.nonRetryable('why', type, ...details),
      defaultPayloadConverter,
    ),
  },
});

describe('the end of a run', () => {
  test('is its report, by its result or by the details of its failure', async () => {
    last = completed({ outcome: 'promoted', why: 'GREEN' });
    expect(await endOfRun()).toEqual({ report: { outcome: 'promoted', why: 'GREEN' } });
    last = failed('CanaryRejected', { outcome: 'CanaryRejected', why: 'RED' });
    expect(await endOfRun()).toEqual({ report: { outcome: 'CanaryRejected', why: 'RED' } });
  });

  test.each([null, 'done', {}, { outcome: null }, { outcome: 7 }])(
    'is no report if the result is %j',
    async (result) => {
      last = completed(result);
      expect(await endOfRun()).toMatchObject({
        report: null,
        outcome: 'TimedOut',
        why: expect.stringContaining('no report'),
      });
    },
  );

  test('is the type of the failure, unless a run of this gate cannot end with it', async () => {
    last = failed('ConfigInvalid', { outcome: null });
    expect(await endOfRun()).toEqual({ report: null, outcome: 'ConfigInvalid', why: 'why' });
    last = failed('toString');
    expect(await endOfRun()).toEqual({ report: null, outcome: 'TimedOut', why: 'why' });
  });
});

describe('the end of the addition of a tenant', () => {
  const handle = () => new Client({ connection }).workflow.getHandle('canary-tenant:canary-7');
  const status = {
    slug: 'canary-7',
    phase: 'done',
    why: 'a check failed',
    outcome: 'red',
    next: 'canary tenants add canary-7',
  };

  test('is its status, by its result or by the details of its failure', async () => {
    last = completed({ ...status, outcome: 'added', next: null });
    expect(await awaitAddition(handle())).toMatchObject({ outcome: 'added' });
    last = failed('TenantNotAdded', status);
    expect(await awaitAddition(handle())).toEqual(status);
  });

  test('is a reason alone if the result or the details are no status', async () => {
    last = completed({ outcome: 'promoted' });
    expect(await awaitAddition(handle())).toEqual({ why: 'it has ended, and its result is no status of an addition' });
    last = failed('TenantNotAdded', 'red');
    expect(await awaitAddition(handle())).toEqual({ why: 'why' });
  });
});
