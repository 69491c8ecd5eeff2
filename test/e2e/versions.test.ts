import { afterAll, beforeAll, expect, test } from 'vitest';
import { hashIn } from '../../src/config/hash.js';
import { moveTaskQueue, releaseLaneId, taskQueue } from '../../src/contract/ids.js';
import { workersOn } from '../../src/temporal/pollers.js';
import { awaitRunEnd } from '../../src/temporal/runs.js';
import { versionIn } from '../../src/temporal/version.js';
import { startTemporalProxy } from '../../testbed/temporal-proxy.js';
import { canary as spawned } from '../support/canary-process.js';
import { canary } from '../support/cli.js';
import { useGate } from '../support/gate.js';
import { endLane, laneState, startLane } from '../support/lanes.js';
import { fullDescribe } from '../support/rows.js';
import { temporalAddress } from '../support/servers.js';
import { newSha } from '../support/shas.js';
import { until } from '../support/until.js';
import { OTHER_VERSION, startOther } from '../support/versions.js';

const UNAVAILABLE = 14;
const EXIT_FAULT = 4;
const gate = useGate('versions', () => ({ env: { CANARY_UPDATE_TIMEOUT: '1s' } }));
const VERSION = /^\d+\.\d+\.\d+\+[0-9a-f]{8}$/;

const workers: ReturnType<typeof spawned>[] = [];
function startWorker(env: Record<string, string> = {}) {
  const own = { TEMPORAL_ADDRESS: temporalAddress(), CANARY_HTTP_ADDR: '127.0.0.1:0' };
  const worker = spawned(['worker'], { ...gate().env, ...own, ...env });
  workers.push(worker);
  return worker;
}
const linesOf = (said: string) =>
  said
    .split('\n')
    .filter((line) => line.startsWith('{'))
    .map((line) => JSON.parse(line) as Record<string, string>);
const lineOf = (worker: ReturnType<typeof spawned>, message: string) =>
  until(`it says ${message}`, () => linesOf(worker.said()).find((line) => line.message === message), 60_000);

beforeAll(async () => {
  await gate().begin(newSha());
  await gate().stopWorker();
});
afterAll(async () => {
  for (const { child } of workers) child.kill('SIGKILL');
  await gate().startWorker();
});

fullDescribe('the version of a worker', () => {
  test('is in its first log line, its identity, its metrics, status and doctor', async () => {
    const worker = startWorker();
    const { address } = await lineOf(worker, 'http.listening');
    const [{ message, version = '' } = {}] = linesOf(worker.said());
    expect({ message, version }).toEqual({ message: 'worker.connecting', version: expect.stringMatching(VERSION) });
    const [release, workflows] = version.split('+');
    const { body } = await until('it serves metrics', async () => {
      const response = await fetch(`http://${address}/metrics`);
      return response.ok ? { body: await response.text() } : null;
    });
    expect(body).toContain(`\ncanary_worker_info{version="${release}",workflows="${workflows}"} 1\n`);
    const pid = String(worker.child.pid);
    const ofThis = async (queue: string, kind: 'workflow' | 'activity') =>
      (await workersOn(gate().client, queue, kind)).find((identity) => identity.startsWith(`${pid}@`));
    const identity = await until('it polls', () => ofThis(taskQueue(gate().lane), 'workflow'), 60_000);
    expect(versionIn(identity)).toBe(version);
    expect(hashIn(identity)).toMatch(/^[0-9a-f]{8}\./);
    await until('it polls for moves', () => ofThis(moveTaskQueue(gate().lane), 'activity'), 60_000);
    for (const verb of ['status', 'doctor'])
      expect((await canary([verb], gate().env)).out.join('\n')).toMatch(new RegExp(`${pid}@.+/${escaped(version)}#`));
    worker.child.kill('SIGTERM');
    expect(await worker.exit).toBe(0);
  }, 120_000);
});

const escaped = (text: string) => text.replaceAll(/[.+]/g, '\\$&');

fullDescribe('a worker whose code does not replay the open lane', () => {
  const lane = () => releaseLaneId(gate().lane);
  beforeAll(async () => {
    gate().leaveUnreplayed();
    await endLane(gate());
    const stop = await startOther(gate(), 'ReleaseLane');
    await startLane(gate());
    await laneState(gate());
    await stop();
  });

  test('refuses to serve: exit 4, and one line that names the version that it takes, and the cure', async () => {
    const worker = startWorker();
    expect(await worker.exit).toBe(EXIT_FAULT);
    const said = worker
      .said()
      .split('\n')
      .filter((line) => line.startsWith('canary:'));
    expect(said).toEqual([expect.stringContaining(`, cannot go on with ${lane()}, which ${OTHER_VERSION} wrote: `)]);
    expect(said[0]).toContain(`(fix: start a worker of version ${OTHER_VERSION}, or end it, its ledger is kept: `);
    expect(linesOf(worker.said()).map(({ message }) => message)).not.toContain('worker.started');
  }, 120_000);

  test('serves if the history cannot be read, and says so', async () => {
    const proxy = await startTemporalProxy(temporalAddress(), (call) =>
      call === 'GetWorkflowExecutionHistory' ? UNAVAILABLE : undefined,
    );
    const worker = startWorker({ TEMPORAL_ADDRESS: proxy.address });
    await lineOf(worker, 'worker.unchecked');
    await lineOf(worker, 'worker.started');
    worker.child.kill('SIGKILL');
    await worker.exit;
    await proxy.stop();
  }, 120_000);

  test('serves once the lane was terminated, as that line says, and the lane knows all it knew', async () => {
    const before = await laneState(gate());
    const worker = startWorker();
    const [said = ''] = await worker.exit.then(() =>
      worker
        .said()
        .split('\n')
        .filter((line) => line.startsWith('canary:')),
    );
    expect(said).toContain(`temporal workflow terminate --workflow-id ${lane()} --reason "its code has changed"`);
    await endLane(gate());
    const next = startWorker();
    await lineOf(next, 'worker.started');
    await startLane(gate());
    expect(await laneState(gate())).toEqual(before);
    next.child.kill('SIGTERM');
    expect(await next.exit).toBe(0);
  }, 120_000);

  test('names the key of payloads if its own version wrote it: no other one would help', async () => {
    const first = startWorker();
    const { version } = await lineOf(first, 'worker.connecting');
    first.child.kill('SIGKILL');
    await first.exit;
    await endLane(gate());
    const stop = await startOther(gate(), 'ReleaseLane', version);
    await startLane(gate());
    await laneState(gate());
    await stop();
    const worker = startWorker();
    expect(await worker.exit).toBe(EXIT_FAULT);
    expect(worker.said()).toContain('(fix: set CANARY_PAYLOAD_KEY_FILE as the worker that wrote it has it; only if');
    expect(worker.said()).not.toContain('start a worker of version');
    await endLane(gate());
  }, 120_000);

  test('serves at once a lane that no worker has begun', async () => {
    await startLane(gate());
    const worker = startWorker();
    await lineOf(worker, 'worker.started');
    expect(linesOf(worker.said()).map(({ message }) => message)).not.toContain('worker.unchecked');
    await laneState(gate());
    worker.child.kill('SIGTERM');
    expect(await worker.exit).toBe(0);
  }, 120_000);
});

fullDescribe('a release that another version began', () => {
  const needs = (id: string) =>
    `${id} needs a worker of version ${OTHER_VERSION}: the code of those that poll does not replay it`;

  test('is told as that, never as a missing worker, and goes on with that version', async () => {
    gate().leaveUnreplayed();
    await laneState(gate()).catch(() => undefined);
    let stop = await startOther(gate(), 'CanaryRelease');
    const sha = newSha();
    await gate().publish(sha);
    const handle = await gate().release({ sha });
    await until('it has begun', async () => (await gate().phase(handle)) === 'awaiting-canary', 60_000);
    await stop();
    const worker = startWorker();
    await lineOf(worker, 'worker.started');
    const cli = (...args: string[]) => canary(args, gate().env);
    // Its next task comes with a message.
    await handle.signal('abort', { by: 'ada', reason: 'enough' });
    const { out } = await until(
      'it is told',
      async () => {
        const result = await cli('status');
        return result.out.some((line) => line.includes(needs(handle.workflowId))) ? result : null;
      },
      60_000,
    );
    expect(out.join('\n')).toContain(`start a worker of version ${OTHER_VERSION} until it has ended`);
    for (const args of [['status', sha], ['doctor'], ['abort', sha, '--reason', 'enough', '--yes']]) {
      const result = await cli(...args);
      const said = [...result.out, ...result.err].join('\n');
      expect(said).toContain(needs(handle.workflowId));
      expect(said).not.toContain('(canary worker)');
    }
    worker.child.kill('SIGTERM');
    await worker.exit;
    stop = await startOther(gate(), 'CanaryRelease');
    expect((await awaitRunEnd(handle)).report).toMatchObject({ outcome: 'CanaryAborted' });
    await stop();
  }, 180_000);
});
