import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { openSync } from 'node:fs';
import { join } from 'node:path';
import { Connection } from '@temporalio/client';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { SEARCH_ATTRIBUTES } from '../../src/contract/search-attributes.js';
import { registerSearchAttributes } from '../../src/temporal/namespace.js';
import { freePorts } from '../../testbed/process.js';
import { startTemporalServer, type TemporalServer } from '../../testbed/temporal-server.js';
import { repositoryRoot } from '../../testbed/tools.js';
import { canary } from '../support/canary-process.js';
import { useGate } from '../support/gate.js';
import { fullDescribe, fullTest } from '../support/rows.js';
import { temporalAddress } from '../support/servers.js';
import { newSha } from '../support/shas.js';
import { until } from '../support/until.js';

type Line = { level: string; message: string; sha?: string; workflowId?: string; address?: string };
const lines = (said: string): Line[] =>
  said
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line) as Line);
const listening = (said: string) => lines(said).find(({ message }) => message === 'http.listening')?.address;

async function get(address: string, path: string) {
  const response = await fetch(`http://${address}${path}`, { signal: AbortSignal.timeout(5_000) });
  return { status: response.status, body: await response.text() };
}

fullDescribe('a worker as a service', () => {
  let server: TemporalServer;
  const gate = useGate('service', async () => {
    server = await startTemporalServer();
    const connection = await Connection.connect({ address: server.address });
    await registerSearchAttributes(connection, 'default', SEARCH_ATTRIBUTES);
    await connection.close();
    return { temporal: server.address, env: { CANARY_UPDATE_TIMEOUT: '1s' } };
  });
  let worker: ReturnType<typeof canary>;
  let address: string;
  beforeAll(async () => {
    await gate().stopWorker();
    const env = { ...gate().env, TEMPORAL_ADDRESS: server.address, CANARY_HTTP_ADDR: '127.0.0.1:0' };
    worker = canary(['worker'], env);
    address = await until('it listens', () => listening(worker.said()));
  });
  afterAll(() => void worker.child.kill('SIGKILL'));

  test('says that it lives, and that it is ready', async () => {
    expect(await get(address, '/healthz')).toEqual({ status: 200, body: 'ok\n' });
    expect(await until('it is ready', async () => (await get(address, '/readyz')).status === 200)).toBe(true);
    expect((await get(address, '/nowhere')).status).toBe(404);
  });

  test('counts how releases end and what moves, beside the SDK’s own metrics', async () => {
    await gate().begin(newSha());
    const { sha } = await gate().greenBuild();
    const released = canary(['release', sha, '--wait'], { TEMPORAL_ADDRESS: server.address, CANARY_LANE: 'service' });
    expect(await released.exit).toBe(0);
    const { body } = await get(address, '/metrics');
    expect(body).toMatch(/^canary_runs_ended_total\{[^}]*outcome="promoted"[^}]*\} 1$/m);
    expect(body).toMatch(/^canary_moves_total\{[^}]*kind="promotion"[^}]*result="promoted"[^}]*\} 1$/m);
    expect(body).toMatch(/^temporal_workflow_completed_total/m);
  });

  test('counts what releases were held for', async () => {
    const sha = newSha();
    await gate().publish(sha);
    const env = { TEMPORAL_ADDRESS: server.address, CANARY_LANE: 'service' };
    expect(await canary(['release', sha, '--wait'], env).exit).toBe(1);
    const { body } = await get(address, '/metrics');
    expect(body).toMatch(/^canary_holds_total\{[^}]*hold="canary-not-updated"[^}]*\} 1$/m);
    expect(body).toMatch(/^canary_runs_ended_total\{[^}]*outcome="CanaryHoldExpired"[^}]*\} 1$/m);
  });

  test('logs one JSON object a line, and those about a run name it and its sha', async () => {
    const moved = await until('the move is logged', () =>
      lines(worker.said()).find(({ message }) => message === 'latest.moved'),
    );
    expect(moved).toMatchObject({
      level: 'INFO',
      workflowId: 'service-move-latest',
      sha: expect.stringMatching(/^[0-9a-f]{40}$/),
    });
  });

  test('is not ready while Temporal does not answer, but lives', async () => {
    await gate().replay();
    await server.stop();
    expect(await until('it is not ready', async () => (await get(address, '/readyz')).status === 503)).toBe(true);
    expect((await get(address, '/readyz')).body).toMatch(/^Temporal does not answer: /);
    expect((await get(address, '/healthz')).status).toBe(200);
  });
});

describe('SIGTERM', () => {
  const gate = useGate('drain', () => ({ env: { CANARY_UPDATE_TIMEOUT: '2m' } }));

  test('ends a worker within 30 s, with nothing lost: the next one goes on', async () => {
    await gate().stopWorker();
    const TEMPORAL_ADDRESS = temporalAddress();
    const worker = canary(['worker'], { ...gate().env, TEMPORAL_ADDRESS, CANARY_HTTP_ADDR: '127.0.0.1:0' });
    await until('it listens', () => listening(worker.said()));
    await gate().begin(newSha());
    const sha = newSha();
    const digests = await gate().publish(sha);
    const released = canary(['release', sha, '--wait'], { TEMPORAL_ADDRESS, CANARY_LANE: 'drain' });
    await until('it waits', async () => (await gate().phaseOf(sha)) === 'awaiting-canary');
    const began = Date.now();
    worker.child.kill('SIGTERM');
    expect(await worker.exit).toBe(0);
    // A wait for tenants is handed on at once; only what writes or smokes gets its time.
    expect(Date.now() - began).toBeLessThan(10_000);
    expect(lines(worker.said()).at(-1)?.message).toBe('worker.stopped');
    gate().deploy({ sha });
    await gate().startWorker();
    expect(await released.exit).toBe(0);
    expect(await gate().latest()).toEqual(digests);
  }, 60_000);

  fullTest.each([
    ['a full disk', () => openSync('/dev/full', 'w')],
    ['a reader that has ended', () => 'pipe' as const],
  ])(
    'a log that cannot be written ends no worker: %s',
    async (_what, open) => {
      const [port] = await freePorts(1);
      const env = { ...gate().env, TEMPORAL_ADDRESS: temporalAddress(), CANARY_HTTP_ADDR: `127.0.0.1:${port}` };
      const worker = spawn(process.execPath, [join(repositoryRoot, 'bin', 'canary.js'), 'worker'], {
        env: { PATH: process.env.PATH, ...env },
        stdio: ['ignore', 'ignore', open()],
      });
      worker.stderr?.destroy();
      const exit = once(worker, 'exit');
      const ready = async () => (await get(`127.0.0.1:${port}`, '/readyz').catch(() => null))?.status === 200;
      await until('it is ready', () => worker.exitCode !== null || ready(), 60_000);
      expect(worker.exitCode).toBeNull();
      worker.kill('SIGTERM');
      expect(await exit).toEqual([0, null]);
    },
    90_000,
  );
});
