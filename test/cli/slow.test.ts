import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client, Connection } from '@temporalio/client';
import { msToTs } from '@temporalio/common/lib/time.js';
import proto from '@temporalio/proto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { main } from '../../src/cli/main.js';
import { deliverEventsId, parseLane } from '../../src/contract/ids.js';
import { checkDeliveries, checkRuns } from '../../src/doctor/runs.js';
import { type FixedAnswer, startFixedTemporal, UNMARKED } from '../../testbed/fixed-temporal.js';
import { until } from '../support/until.js';

const service = proto.temporal.api.workflowservice.v1;
const {
  WORKFLOW_EXECUTION_STATUS_RUNNING: RUNNING,
  WORKFLOW_EXECUTION_STATUS_TERMINATED: TERMINATED,
  WORKFLOW_EXECUTION_STATUS_CANCELED: CANCELED,
  WORKFLOW_EXECUTION_STATUS_FAILED: FAILED,
} = proto.temporal.api.enums.v1.WorkflowExecutionStatus;
const INVALID_ARGUMENT = 3;
const NOT_FOUND = 5;
const DENIED = 7;
/** Longest time of a status on a loaded machine, in milliseconds: it claims five seconds. */
const PROMPT_MS = 8_000;
/** The same of other commands: each call takes at most five seconds. */
const BOUNDED_MS = 15_000;

const LANE = parseLane('slow');
const folder = mkdtempSync(join(tmpdir(), 'canary-slow-'));
afterAll(() => rmSync(folder, { recursive: true }));

const queryOf = (request: Uint8Array) => service.ListWorkflowExecutionsRequest.decode(request).query;
const idOf = (request: Uint8Array) =>
  service.DescribeWorkflowExecutionRequest.decode(request).execution?.workflowId ?? '';
const openRun = (workflowId: string) => ({
  execution: { workflowId, runId: 'r' },
  type: { name: 'DeliverEvents' },
  status: RUNNING,
  taskQueue: 'slow-canary-release',
  startTime: msToTs(Date.now()),
});
const listed = (ids: string[]) =>
  service.ListWorkflowExecutionsResponse.encode({ executions: ids.map(openRun) }).finish();

/** A Temporal that has no run, but for what a test answers itself. */
async function temporal(answers: Record<string, FixedAnswer>) {
  const server = await startFixedTemporal({
    GetSystemInfo: () => service.GetSystemInfoResponse.encode({ serverVersion: '1.32.0' }).finish(),
    DescribeNamespace: () => service.DescribeNamespaceResponse.encode({}).finish(),
    DescribeTaskQueue: () => service.DescribeTaskQueueResponse.encode({}).finish(),
    DescribeWorkflowExecution: () => NOT_FOUND,
    ListWorkflowExecutions: () => listed([]),
    ...answers,
  });
  afterAll(server.stop);
  return server;
}

interface Ran {
  code: number;
  out: string[];
  err: string[];
}

/** The command line, which must not wait for what is silent. */
async function canary(
  args: string[],
  env: Record<string, string>,
  ran: Ran = { code: 0, out: [], err: [] },
  signal = new AbortController().signal,
): Promise<Ran> {
  ran.code = await main(args, {
    env: { CANARY_LANE: LANE, ...env },
    out: (line) => ran.out.push(line),
    err: (line) => ran.err.push(line),
    input: async () => '',
    isTerminal: false,
    signal,
  });
  return ran;
}

async function promptly(args: string[], env: Record<string, string>, ms = PROMPT_MS): Promise<Ran> {
  const began = Date.now();
  const ran = await canary(args, env);
  expect(Date.now() - began).toBeLessThan(ms);
  return ran;
}

/** Findings of doctor about runs. */
async function findings(address: string, check = checkRuns) {
  const connection = await Connection.connect({ address });
  try {
    return await check(new Client({ connection }), LANE);
  } finally {
    await connection.close();
  }
}

const COMMANDS = [
  'queue',
  'history',
  'history --html page.html',
  'abort 4c1d56e --reason r',
  'approve 4c1d56e --reason r',
  'postmortem 4c1d56e',
  'events 4c1d56e',
  'rollback --yes --reason r',
];
// Loads their modules, which takes seconds on a loaded machine: what is timed is what waits for Temporal.
beforeAll(async () => {
  const { address } = await temporal({ DescribeWorkflowExecution: () => DENIED });
  for (const line of ['status', ...COMMANDS]) await canary(line.split(' '), { TEMPORAL_ADDRESS: address });
});

const gates = join(folder, 'gates.json');
const names = Array.from({ length: 60 }, (_, index) => `gate-${index}`);
writeFileSync(gates, JSON.stringify({ gates: Object.fromEntries(names.map((name) => [name, {}])) }));

// Alone: lists and pollers have 1.5 s to answer, in which the commands and servers of tests beside it would take the processor.
test('status of all gates shows those that answered, and names the others in one line', async () => {
  const fast = ['gate-3', 'gate-4'].map((name) => `slow.${name}-release-lane`);
  const { address } = await temporal({
    DescribeWorkflowExecution: (request) => (fast.includes(idOf(request)) ? NOT_FOUND : 'silent'),
  });
  const { code, out } = await promptly(['status'], { TEMPORAL_ADDRESS: address, CANARY_GATES_FILE: gates });
  expect(code).toBe(0);
  const late = names.filter((name) => !['gate-3', 'gate-4'].includes(name));
  expect(out).toEqual([
    'WORKERS  NONE poll: nothing moves until one does (canary worker)',
    `GATES    58 did not answer in time: ${late.slice(0, 10).join(', ')}, … (canary --gate NAME status)`,
    'new      gate-3  nothing was promoted yet',
    'new      gate-4  nothing was promoted yet',
  ]);
});

describe.concurrent('while a part of Temporal is slow', () => {
  test('status of all gates ends in one line if none of them answers', async () => {
    const { address } = await temporal({ DescribeWorkflowExecution: () => 'silent' });
    const { code, out, err } = await promptly(['status'], { TEMPORAL_ADDRESS: address, CANARY_GATES_FILE: gates });
    expect({ code, out }).toEqual({ code: 4, out: [] });
    expect(err).toEqual([
      expect.stringContaining('(it is slow, or its database is down: canary doctor); releases wait'),
    ]);
  });

  test('status says that it does not know which events were lost, and doctor too', async () => {
    const ended = { ...openRun(deliverEventsId(LANE)), status: TERMINATED, closeTime: msToTs(Date.now()) };
    const executions = [ended];
    const { address } = await temporal({
      ListWorkflowExecutions: (request) =>
        queryOf(request).startsWith('WorkflowId =')
          ? service.ListWorkflowExecutionsResponse.encode({ executions }).finish()
          : listed([]),
      GetWorkflowExecutionHistory: () => 'silent',
    });
    const [{ code, err }, found] = await Promise.all([
      promptly(['status'], { TEMPORAL_ADDRESS: address }),
      findings(address, checkDeliveries),
    ]);
    expect(code).toBe(0);
    const unknown = 'events that sinks did not get are not known: no answer within';
    expect(err).toEqual([`canary: ${unknown} 1.5 s`]);
    expect(found).toEqual([expect.objectContaining({ level: 'warning', what: `${unknown} 5 s` })]);
  });

  test('status --watch says once that it is slow, and goes on', async () => {
    let isSlow = false;
    let workers: string[] = [];
    const { address } = await temporal({
      DescribeWorkflowExecution: () => (isSlow ? 'silent' : NOT_FOUND),
      DescribeTaskQueue: () =>
        service.DescribeTaskQueueResponse.encode({
          pollers: workers.map((identity) => ({ identity, lastAccessTime: msToTs(Date.now()) })),
        }).finish(),
    });
    const ran: Ran = { code: -1, out: [], err: [] };
    const stop = new AbortController();
    const end = canary(['status', '--watch'], { TEMPORAL_ADDRESS: address }, ran, stop.signal);
    await until('it shows the first status', () => ran.out.length > 0);
    isSlow = true;
    await until('it says that it is slow', () => ran.err.length > 0);
    [isSlow, workers] = [false, ['1@host/0.1.0']];
    await until('it shows what changed since', () => ran.out.some((line) => line.includes('1@host')));
    stop.abort();
    expect(await end).toMatchObject({
      code: 0,
      err: ['canary: what is shown may be old: no answer within 5 s; Temporal is asked again'],
    });
  });
});

test('doctor notes that an old server does not mark stuck runs, and takes its list for no fault', async () => {
  const { address } = await temporal({
    GetSystemInfo: () => service.GetSystemInfoResponse.encode({ serverVersion: '1.29.1' }).finish(),
    ListWorkflowExecutions: (request) =>
      queryOf(request).includes('TemporalReportedProblems') ? UNMARKED : listed([]),
  });
  expect(await findings(address)).toEqual([
    {
      area: 'runs',
      level: 'note',
      what: expect.stringMatching(/^this Temporal does not mark runs/),
      fix: 'Temporal 1.30 or newer',
    },
  ]);
});

test('doctor warns if a newer server refuses the query for stuck runs, whatever it says', async () => {
  const [, message] = UNMARKED;
  const { address } = await temporal({
    ListWorkflowExecutions: (request) =>
      queryOf(request).includes('TemporalReportedProblems') ? [INVALID_ARGUMENT, message] : listed([]),
  });
  expect(await findings(address)).toEqual([
    {
      area: 'runs',
      level: 'warning',
      what: `runs cannot be listed, so one that is stuck is not found: ${message}`,
      fix: expect.stringContaining('visibility'),
    },
  ]);
});

test('an addition of a tenant that a person ended is told, unless it began again, or a day has passed', async () => {
  const ended = (slug: string, status: number, ago = 0) => ({
    ...openRun(`slow-add-tenant:${slug}`),
    status,
    ...(status !== RUNNING && { closeTime: msToTs(Date.now() - ago) }),
  });
  const DAY_MS = 24 * 60 * 60_000;
  const executions = [
    ended('again', RUNNING),
    ended('again', TERMINATED),
    ended('one', TERMINATED),
    ended('two', CANCELED),
    ended('red', FAILED),
    ended('old', TERMINATED, DAY_MS + 60_000),
  ];
  const { address } = await temporal({
    ListWorkflowExecutions: (request) =>
      queryOf(request).endsWith("WorkflowType = 'AddCanaryTenant'")
        ? service.ListWorkflowExecutionsResponse.encode({ executions }).finish()
        : listed([]),
  });
  const { out } = await promptly(['status'], { TEMPORAL_ADDRESS: address });
  const what = 'before its end, so the tenant may not be in the fleet';
  expect(out.filter((line) => /^STOPPED|tenants add/.test(line))).toEqual([
    `STOPPED  slow-add-tenant:one was terminated ${what}`,
    '         canary tenants add one',
    `STOPPED  slow-add-tenant:two was cancelled ${what}`,
    '         canary tenants add two',
  ]);
});

describe('open runs that are not looked at', () => {
  const isOfOpenRuns = (request: Uint8Array) =>
    queryOf(request) === "TaskQueue = 'slow-canary-release' AND CloseTime IS NULL";

  test('are told by status and doctor if they cannot be listed', async () => {
    const { address } = await temporal({
      ListWorkflowExecutions: (request) => (isOfOpenRuns(request) ? DENIED : listed([])),
    });
    const what = 'open runs cannot be listed, so one that is paused or stuck may be missing here: ';
    const { out } = await promptly(['status'], { TEMPORAL_ADDRESS: address });
    expect(out).toContainEqual(expect.stringMatching(new RegExp(`^RUNS {5}${what}`)));
    expect(await findings(address)).toEqual([
      expect.objectContaining({ level: 'warning', what: expect.stringContaining(what) }),
    ]);
  });

  test('are told by status and doctor if there are more than 50', async () => {
    const ids = Array.from({ length: 51 }, (_, index) => `slow-add-tenant:one-${index}`);
    const { address } = await temporal({
      ListWorkflowExecutions: (request) => listed(isOfOpenRuns(request) ? ids : []),
    });
    const what = 'more than 50 runs are open, so one that is paused or stuck may be missing here: ';
    const { out } = await promptly(['status'], { TEMPORAL_ADDRESS: address });
    expect(out).toContainEqual(expect.stringMatching(new RegExp(`^RUNS {5}${what}`)));
    expect(await findings(address)).toEqual([
      expect.objectContaining({ level: 'warning', what: expect.stringContaining(what) }),
    ]);
  });
});

describe.concurrent('while no run is described', () => {
  test.each(COMMANDS)('%s ends in one line', async (line) => {
    const { address } = await temporal({ DescribeWorkflowExecution: () => 'silent' });
    const images = { CANARY_IMAGES: '127.0.0.1:1/platform' };
    const { code, out, err } = await promptly(line.split(' '), { TEMPORAL_ADDRESS: address, ...images }, BOUNDED_MS);
    expect(out).toEqual([]);
    expect(err).toEqual([expect.stringMatching(/no answer (in time|within 5 s) \(/)]);
    expect(code).toBe(line.startsWith('rollback') ? 2 : 4);
  });
});
