import { expect, onTestFinished, test } from 'vitest';
import { serveHttp } from '../../workers/http.js';

/** What a worker answers that is dead, not ready, or neither. */
async function answers(dead: string | null, notReady: string | null) {
  const metrics = new URL('http://127.0.0.1:1/metrics');
  const parts = { dead: () => dead, notReady: async () => notReady, metrics, ownMetrics: () => '' };
  const { port, close } = await serveHttp({ host: '127.0.0.1', port: 0 }, parts);
  onTestFinished(close);
  const get = async (path: string) => {
    const response = await fetch(`http://127.0.0.1:${port}${path}`);
    return `${response.status} ${(await response.text()).trim()}`;
  };
  return [await get('/healthz'), await get('/readyz')];
}

test('answers 200 where it lives and is ready', async () => {
  expect(await answers(null, null)).toEqual(['200 ok', '200 ready']);
});

test('answers 503 with the reason, to be started again and to get no work', async () => {
  expect(await answers('the worker has failed: Jwt is expired', 'the worker is failed')).toEqual([
    '503 the worker has failed: Jwt is expired',
    '503 the worker is failed',
  ]);
  expect(await answers(null, 'Temporal does not answer')).toEqual(['200 ok', '503 Temporal does not answer']);
});
