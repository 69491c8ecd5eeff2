import { Client, Connection } from '@temporalio/client';
import { msToTs } from '@temporalio/common/lib/time.js';
import proto, { type temporal } from '@temporalio/proto';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { loadConfig } from '../../src/config/load.js';
import { parseLane, releaseLaneId, watchProductionId } from '../../src/contract/ids.js';
import type { LaneState } from '../../src/contract/lane.js';
import { RECORD_MEMO, partsOf as recordOf } from '../../src/lane/payloads/changes.js';
import { noteVerdict } from '../../src/lane/verdicts.js';
import { startFixedTemporal, UNMARKED } from '../../testbed/fixed-temporal.js';
import { partsOf } from '../../workers/collector/read.js';
import { laneAt, NOON, shaOf } from '../lane/lane-support.js';

const {
  DescribeWorkflowExecutionRequest,
  DescribeWorkflowExecutionResponse,
  GetSystemInfoResponse,
  GetWorkflowExecutionHistoryResponse,
  ListWorkflowExecutionsRequest,
  ListWorkflowExecutionsResponse,
} = proto.temporal.api.workflowservice.v1;
const { WorkflowExecutionStatus } = proto.temporal.api.enums.v1;
/** gRPC status codes. */
// A refusal that the client tries again would outlive the connection.
const [NOT_FOUND, PERMISSION_DENIED] = [5, 7];

type Run = temporal.api.workflow.v1.WorkflowExecutionInfo.$Properties;

const LANE = parseLane('');
const LIVE = shaOf('a');
const WATCH = watchProductionId(LANE, LIVE);
const RUNNING = WorkflowExecutionStatus.WORKFLOW_EXECUTION_STATUS_RUNNING;
const PAUSED = WorkflowExecutionStatus.WORKFLOW_EXECUTION_STATUS_PAUSED;

/** Encoded value, with the type that a search attribute has. */
const payload = (value: unknown, type?: string) => ({
  metadata: { encoding: Buffer.from('json/plain'), ...(type && { type: Buffer.from(type) }) },
  data: Buffer.from(JSON.stringify(value)),
});
const run = (workflowId: string, type: string, more: Run = {}): Run => ({
  execution: { workflowId, runId: `${workflowId}-run` },
  type: { name: type },
  status: RUNNING,
  taskQueue: 'canary-release',
  startTime: msToTs(NOON),
  ...more,
});

/** What the server has: the state of the lane, the watch over production, open runs, and those that are stuck or the status of that list. */
let state: LaneState;
let watch: Run | null;
let open: Run[];
let stuck: Run[] | number | 'unmarked';
/** Queries of lists. */
let queries: string[];

const list = (request: Uint8Array) => {
  const { query } = ListWorkflowExecutionsRequest.decode(request);
  queries.push(query);
  const executions = query.includes('TemporalReportedProblems') ? stuck : open;
  if (executions === 'unmarked') return UNMARKED;
  return typeof executions === 'number' ? executions : ListWorkflowExecutionsResponse.encode({ executions }).finish();
};
const describeRun = (request: Uint8Array) => {
  const { workflowId } = DescribeWorkflowExecutionRequest.decode(request).execution ?? {};
  const lane = run(releaseLaneId(LANE), 'ReleaseLane', { historyLength: 3 as never });
  const found = workflowId === releaseLaneId(LANE) ? lane : workflowId === WATCH ? watch : null;
  return found === null
    ? NOT_FOUND
    : DescribeWorkflowExecutionResponse.encode({ workflowExecutionInfo: found }).finish();
};
/** A lane that recovered nothing, and has one record with its whole state. */
const history = () => {
  const parts = recordOf(JSON.stringify({ to: state })).map((part) => ({
    workflowPropertiesModifiedEventAttributes: { upsertedMemo: { fields: { [RECORD_MEMO]: payload(part) } } },
  }));
  const events = [
    { activityTaskScheduledEventAttributes: { activityType: { name: 'recoverLane' } } },
    { activityTaskCompletedEventAttributes: { scheduledEventId: 1, result: { payloads: [payload(null)] } } },
    ...parts,
  ].map((event, index) => ({ eventId: index + 1, ...event }));
  return GetWorkflowExecutionHistoryResponse.encode({ history: { events } } as never).finish();
};

describe('a collection of a lane', () => {
  let server: Awaited<ReturnType<typeof startFixedTemporal>>;
  let connection: Connection;
  beforeAll(async () => {
    server = await startFixedTemporal({
      GetSystemInfo: () =>
        GetSystemInfoResponse.encode({ serverVersion: stuck === 'unmarked' ? '1.29.1' : '1.32.0' }).finish(),
      DescribeWorkflowExecution: describeRun,
      ListWorkflowExecutions: list,
      GetWorkflowExecutionHistory: history,
    });
    connection = await Connection.connect({ address: server.address });
  });
  afterAll(async () => {
    await connection.close();
    await server.stop();
  });
  beforeEach(() => {
    [state, watch, open, stuck, queries] = [laneAt('a'), null, [], [], []];
  });

  /** Every part of a collection: its samples as `name{values}: value`, and why a part could not be read. */
  async function collection() {
    const config = await loadConfig({ CANARY_IMAGES: 'ghcr.io/acme/platform' }, undefined, 'registry');
    const read = await Promise.allSettled(partsOf(new Client({ connection }), config).map((part) => part()));
    const samples = read.flatMap((one) => (one.status === 'fulfilled' ? one.value : []));
    return {
      samples: Object.fromEntries(
        samples.map(({ name, labels, value }) => [
          `${name}${Object.values(labels).length > 0 ? `{${Object.values(labels)}}` : ''}`,
          value,
        ]),
      ),
      failed: read.flatMap((one) => (one.status === 'rejected' ? [String(one.reason)] : [])),
    };
  }
  const openAlarms = async () =>
    Object.entries((await collection()).samples)
      .filter(([name, value]) => name.startsWith('canary_alarm_open') && value === 1)
      .map(([name]) => /\{(.*)\}/.exec(name)?.[1]);

  test('tells no alarm of a lane at rest, and every alarm that a lane may have as 0', async () => {
    const { samples, failed } = await collection();
    expect(failed).toEqual([]);
    expect(Object.keys(samples).filter((name) => name.startsWith('canary_alarm_open'))).toHaveLength(9);
    expect(await openAlarms()).toEqual([]);
    expect(samples).toMatchObject({ canary_production_red_tenants: 0, canary_stuck_runs: 0 });
  });

  test('tells alarms that were raised before any worker was scraped, for as long as they hold', async () => {
    state.ledger.hold = { name: 'latest-moved', why: 'moved', by: 'drift', since: new Date(NOON).toISOString() };
    state.ledger.consecutivePreemptions = 4;
    const at = new Date(NOON).toISOString();
    noteVerdict(state, { sha: LIVE, verdict: 'RED', failed: ['acme: login'], runId: 'r', at });
    expect(await openAlarms()).toEqual(['latest-moved', 'live-build-red', 'consecutive-preemptions']);
    state.ledger.hold = null;
    state.ledger.consecutivePreemptions = 2;
    state.ledger.verdicts = [];
    expect(await openAlarms()).toEqual([]);
  });

  test('tells how many tenants of production are red on the live build, by the watch over its move alone', async () => {
    const since = state.ledger.history[0]?.at ?? '';
    const red = (movedAt: string, tenants: string[]): Run => ({
      ...run(WATCH, 'WatchProduction'),
      memo: { fields: { movedAt: payload(movedAt) } },
      searchAttributes: {
        indexedFields: {
          CanaryOutcome: payload('red', 'Keyword'),
          ...(tenants.length > 0 && { CanaryTenantsRed: payload(tenants, 'KeywordList') }),
        },
      },
    });
    watch = red(since, ['acme', 'globex']);
    expect((await collection()).samples).toMatchObject({ canary_production_red_tenants: 2 });
    expect(await openAlarms()).toEqual(['production-red']);
    watch = red(since, []);
    expect((await collection()).samples).toMatchObject({ canary_production_red_tenants: 1 });
    watch = red('2026-01-01T00:00:00.000Z', ['acme']);
    expect((await collection()).samples).toMatchObject({ canary_production_red_tenants: 0 });
    watch = run(WATCH, 'WatchProduction', { memo: { fields: { movedAt: payload(since) } } });
    expect((await collection()).samples).toMatchObject({ canary_production_red_tenants: 0 });
    // One that a person started names no move.
    watch = { ...red('', ['acme']), memo: null };
    expect((await collection()).samples).toMatchObject({ canary_production_red_tenants: 1 });
    watch = { ...watch, startTime: msToTs(Date.parse(since) - 1) };
    expect((await collection()).samples).toMatchObject({ canary_production_red_tenants: 0 });
  });

  test('counts a run that waits for a person and was paused in Temporal', async () => {
    const searchAttributes = { indexedFields: { CanaryWaitingFor: payload('approval', 'Keyword') } };
    open = [run('canary-release-bbbbbbb', 'CanaryRelease', { status: PAUSED, searchAttributes })];
    expect((await collection()).samples).toMatchObject({ 'canary_waiting{approval}': 1 });
    // A paused run has a status of its own: only its end is samples alike for all.
    expect(queries.find((query) => query.includes('CanaryRelease'))).toMatch(/CloseTime IS NULL/);
    expect(queries.some((query) => query.includes('ExecutionStatus'))).toBe(false);
  });

  test('tells nothing of stuck runs, and reads all else, on a server that does not mark them', async () => {
    stuck = 'unmarked';
    const { samples, failed } = await collection();
    expect(samples).not.toHaveProperty('canary_stuck_runs');
    expect(samples).toHaveProperty('canary_queue_length', 0);
    expect(failed).toEqual([]);
  });

  test('is not whole while the list of stuck runs does not come', async () => {
    stuck = PERMISSION_DENIED;
    const { samples, failed } = await collection();
    expect(samples).not.toHaveProperty('canary_stuck_runs');
    expect(failed).toEqual([expect.stringContaining('runs cannot be listed')]);
  });
});
