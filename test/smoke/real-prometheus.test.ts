import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { alerts, prometheus, z } from '../../src/smoke/index.js';
import { freePort, type RunningProcess, startProcess } from '../../testbed/process.js';
import { tool } from '../../testbed/tools.js';
import { judgeOne } from '../support/judges.js';
import { until } from '../support/until.js';

const found = tool('prometheus');
/** Time for a slow machine, in milliseconds. */
const STARTS_MS = 60_000;

describe.skipIf(found === undefined)('a real Prometheus that scrapes itself (skipped without it)', () => {
  const folder = mkdtempSync(join(tmpdir(), 'canary-prometheus-'));
  let server: RunningProcess | undefined;
  let url = '';
  const began = Date.now();

  beforeAll(async () => {
    const port = await freePort();
    url = `http://127.0.0.1:${port}`;
    const scrape = { job_name: 'self', scrape_interval: '1s', static_configs: [{ targets: [`127.0.0.1:${port}`] }] };
    writeFileSync(join(folder, 'prometheus.yml'), JSON.stringify({ scrape_configs: [scrape] }));
    const args = [
      `--config.file=${join(folder, 'prometheus.yml')}`,
      `--storage.tsdb.path=${join(folder, 'data')}`,
      `--web.listen-address=127.0.0.1:${port}`,
    ];
    server = await startProcess(found?.path ?? '', args, {
      logFile: join(folder, 'log'),
      ready: (said) => said.includes('Server is ready'),
      timeoutMs: STARTS_MS,
    });
  }, STARTS_MS);
  afterAll(async () => {
    await server?.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  const ask = (query: string, more: Partial<Parameters<typeof prometheus>[2]> = {}) => {
    const window = { from: began, until: Date.now() };
    const check = prometheus('a', 'b', { url, query, is: { atLeast: 1 }, step: '1s', samples: 2, ...more });
    return judgeOne(check, { window });
  };

  test(
    'gives the verdicts that its samples, its errors and its silence call for',
    async () => {
      await until('two samples are there', async () => (await ask('up{job="self"}')).verdict === 'pass', STARTS_MS);
      expect(await ask('up{job="self"}')).toMatchObject({ measured: expect.stringMatching(/^1, \d+ samples$/) });
      expect(await ask('up{job="self"}', { is: { atMost: 0 } })).toMatchObject({ verdict: 'fail' });
      const compare = { production: 'up{job="self"} * 2' };
      expect(await ask('up{job="self"}', { is: { atMost: 0.5 }, compare })).toMatchObject({ verdict: 'pass' });
      expect(await ask('up{job="self"}', { is: { atMost: 0.4 }, compare })).toMatchObject({ verdict: 'fail' });
      expect(await ask('up{job="another"}')).toMatchObject({ verdict: 'could-not-test', got: 'no data' });
      expect(await ask('up{job="self"} / 0 * 0')).toMatchObject({ verdict: 'could-not-test' });
      expect(await ask('prometheus_http_requests_total')).toMatchObject({ verdict: 'could-not-test' });
      expect(await ask('sum(')).toMatchObject({ verdict: 'could-not-test', status: 400 });
    },
    STARTS_MS,
  );

  test('answers as a JSON endpoint of its own alerts', async () => {
    const list = (size: z.ZodType) => z.object({ status: z.literal('success'), data: z.object({ alerts: size }) });
    const check = alerts('a', 'b', {
      url: `${url}/api/v1/alerts`,
      from: 'json',
      quiet: list(z.array(z.unknown()).max(0)),
      firing: list(z.array(z.unknown()).min(1)),
    });
    expect(await judgeOne(check)).toMatchObject({ verdict: 'pass' });
  });
});
