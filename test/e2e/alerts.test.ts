import { randomUUID } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Connection } from '@temporalio/client';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { checkDriftId, taskQueue } from '../../src/contract/ids.js';
import { SEARCH_ATTRIBUTES } from '../../src/contract/search-attributes.js';
import { registerSearchAttributes } from '../../src/temporal/namespace.js';
import { awaitRunEnd } from '../../src/temporal/runs.js';
import { freePort, type RunningProcess, startProcess } from '../../testbed/process.js';
import { startTemporalServer, type TemporalServer } from '../../testbed/temporal-server.js';
import { repositoryRoot, tool } from '../../testbed/tools.js';
import { canary } from '../support/canary-process.js';
import { ada, heldFor, say } from '../support/decisions.js';
import { useGate } from '../support/gate.js';
import { laneState } from '../support/lanes.js';
import { newSha } from '../support/shas.js';
import { until } from '../support/until.js';

/** Time for a collection, a scrape, an evaluation and a slow machine, in milliseconds: a worker collects every 15 s. */
const FIRES_MS = 120_000;

const prometheus = tool('prometheus');
const isWanted = prometheus !== undefined && process.env.CANARY_ALERTS === '1';
const rest = newSha();

/** The shipped rules with their waits shortened, and nothing else. */
const hurried = (rules: string) => rules.replaceAll(/\bfor: \w+$/gm, 'for: 1s').replace('+ 900', '+ 1');

describe.skipIf(!isWanted)('Prometheus with the shipped rules (skipped without it and CANARY_ALERTS=1)', () => {
  let server: TemporalServer;
  const gate = useGate('alerts', async () => {
    server = await startTemporalServer({ pause: true });
    const connection = await Connection.connect({ address: server.address });
    await registerSearchAttributes(connection, 'default', SEARCH_ATTRIBUTES);
    await connection.close();
    const env = { CANARY_SOAK: '2s', CANARY_UPDATE_TIMEOUT: '2s', CANARY_HOLD_TIMEOUT: '1h' };
    return { temporal: server.address, env };
  });
  let worker: ReturnType<typeof canary>;
  let scraper: RunningProcess | undefined;
  let url: string;
  const folder = mkdtempSync(join(tmpdir(), 'canary-prometheus-'));
  const took: string[] = [];

  beforeAll(async () => {
    await gate().stopWorker();
    const port = await freePort();
    const env = { ...gate().env, TEMPORAL_ADDRESS: server.address, CANARY_HTTP_ADDR: `127.0.0.1:${port}` };
    worker = canary(['worker'], env);
    await until('the worker serves', () => worker.said().includes('worker.started'), FIRES_MS);
    const rules = readFileSync(join(repositoryRoot, 'deploy', 'prometheus', 'canary-rules.yaml'), 'utf8');
    writeFileSync(join(folder, 'rules.yaml'), hurried(rules));
    const scrape = { job_name: 'canary', static_configs: [{ targets: [`127.0.0.1:${port}`] }] };
    const often = { scrape_interval: '1s', evaluation_interval: '1s' };
    const config = { global: often, rule_files: ['rules.yaml'], scrape_configs: [scrape] };
    writeFileSync(join(folder, 'prometheus.yml'), JSON.stringify(config));
    const own = await freePort();
    url = `http://127.0.0.1:${own}`;
    const args = [
      `--config.file=${join(folder, 'prometheus.yml')}`,
      `--storage.tsdb.path=${join(folder, 'data')}`,
      `--web.listen-address=127.0.0.1:${own}`,
    ];
    scraper = await startProcess(prometheus?.path ?? '', args, {
      logFile: join(folder, 'log'),
      ready: (said) => said.includes('Server is ready'),
      timeoutMs: FIRES_MS,
    });
    await gate().begin(rest);
    gate().deploy({ sha: rest });
  }, 2 * FIRES_MS);
  afterAll(async () => {
    await scraper?.stop();
    worker.child.kill('SIGKILL');
    await worker.exit;
    await server.stop();
    rmSync(folder, { recursive: true, force: true });
    process.stdout.write(took.map((line) => `${line}\n`).join(''));
  });

  /** Names of the alerts that fire. One worker is one too few. */
  async function firing(): Promise<string[]> {
    const answer = await (await fetch(`${url}/api/v1/alerts`)).json();
    const { alerts } = (answer as { data: { alerts: { state: string; labels: { alertname: string } }[] } }).data;
    const names = alerts.filter(({ state }) => state === 'firing').map(({ labels }) => labels.alertname);
    return [...new Set(names)].filter((name) => name !== 'CanaryFewWorkers').sort();
  }
  /** Waits until this alert fires, and no other. */
  async function fires(what: string, alert: string, since: number) {
    await until(`${alert} fires`, async () => (await firing()).includes(alert), FIRES_MS);
    took.push(`${alert}, ${what}: ${((Date.now() - since) / 1_000).toFixed(1)} s`);
    expect(await firing()).toEqual([alert]);
  }
  const rests = () => until('no alert fires', async () => (await firing()).length === 0, FIRES_MS);

  test(
    'fires for a canary tenant that does not take the build, until a person has decided',
    async () => {
      await rests();
      const sha = newSha();
      await gate().publish(sha);
      const release = await gate().release({ sha });
      const hold = await heldFor(gate(), release, 'canary-not-updated');
      await fires('a canary tenant is silent', 'CanaryCanarySilent', Date.now());
      await say(release, 'abort', { ...ada, hold: hold.id });
      await rests();
    },
    3 * FIRES_MS,
  );

  test(
    'fires for a :latest that was moved from outside, until it is adopted',
    async () => {
      const other = newSha();
      await gate().publish(other);
      await gate().retag(other, 'latest');
      const since = Date.now();
      await gate().client.workflow.start('CheckDrift', {
        workflowId: checkDriftId(gate().lane),
        taskQueue: taskQueue(gate().lane),
      });
      await until('the lane is on hold', async () => (await laneState(gate())).ledger.hold?.name === 'latest-moved');
      await fires(':latest was moved by another', 'CanaryDrift', since);
      await gate().setLatest(rest);
      await rests();
    },
    3 * FIRES_MS,
  );

  test(
    'fires for a release that does not go on',
    async () => {
      const { sha } = await gate().greenBuild();
      const release = await gate().release({ sha });
      await until('it soaks', async () => (await gate().phase(release)) === 'soaking');
      const { workflowId } = release;
      const call = { namespace: 'default', workflowId, identity: 'ada', reason: 'to try the alert' };
      await gate().client.workflowService.pauseWorkflowExecution({ ...call, requestId: randomUUID() });
      await fires('a release is stuck in its soak', 'CanaryReleaseStuck', Date.now());
      await gate().client.workflowService.unpauseWorkflowExecution({ ...call, requestId: randomUUID() });
      await awaitRunEnd(release);
      await rests();
    },
    3 * FIRES_MS,
  );

  test(
    'fires for a worker that is gone',
    async () => {
      await gate().replay();
      worker.child.kill('SIGKILL');
      await fires('the worker was killed', 'CanaryNoWorker', Date.now());
    },
    2 * FIRES_MS,
  );
});
