import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { alerts, z } from '../../src/smoke/index.js';
import { suiteProblems } from '../../src/smoke/validate-suite.js';
import { type SinkServer, startSinkServer } from '../../testbed/sink-server.js';
import { judgeOne } from '../support/judges.js';

let server: SinkServer;
beforeAll(async () => {
  server = await startSinkServer();
});
afterAll(() => server.stop());
beforeEach(() => {
  server.requests.length = 0;
});

const json = (body: unknown) => ({
  status: 200,
  headers: { 'content-type': 'application/json' },
  body: JSON.stringify(body),
});
const silent = (got: string) => ({ verdict: 'could-not-test', got: expect.stringContaining(got) });

describe('alerts of an Alertmanager', () => {
  const check = () =>
    alerts('no alert fires', 'no one is paged', {
      url: `${server.url}/am/`,
      from: 'alertmanager',
      filter: ['tenant="{tenant}"'],
      watchdog: 'Watchdog',
    });
  const alert = (alertname: string, state = 'active') => ({ labels: { alertname }, status: { state } });
  /** Answers with the watchdog to who asks for it, and with others to who does not. */
  const fires = (watchdog: object[], others: object[]) => {
    server.answer = ({ path }) => json(path.includes('Watchdog') ? watchdog : others);
  };

  test('pass while only the watchdog fires', async () => {
    fires([alert('Watchdog')], []);
    expect(await judgeOne(check())).toMatchObject({ verdict: 'pass', measured: '0 firing' });
    const asked = server.requests.map(({ path }) => new URL(path, server.url));
    expect(asked.map(({ pathname }) => pathname)).toEqual(['/am/api/v2/alerts', '/am/api/v2/alerts']);
    expect(asked.map(({ searchParams }) => searchParams.getAll('filter'))).toEqual([
      ['alertname="Watchdog"'],
      ['tenant="canary-1"'],
    ]);
    fires([alert('Watchdog')], [alert('Watchdog')]);
    expect(await judgeOne(check())).toMatchObject({ verdict: 'pass' });
  });

  test.each(['active', 'suppressed', 'unprocessed'])('fail if one is %s', async (state) => {
    fires([alert('Watchdog')], [alert('TenantDown', state), alert('TenantDown', state)]);
    expect(await judgeOne(check())).toMatchObject({
      verdict: 'fail',
      got: '2 firing: TenantDown',
      measured: '2 firing',
    });
  });

  test('are could-not-test if the watchdog does not fire, though nothing else does', async () => {
    fires([], []);
    expect(await judgeOne(check())).toMatchObject(silent('no data'));
    // A server that passes over the filter.
    fires([alert('Other')], []);
    expect(await judgeOne(check())).toMatchObject(silent('no data'));
  });

  test('are could-not-test in another shape', async () => {
    server.answer = () => json({ status: 'success', data: [] });
    expect(await judgeOne(check())).toMatchObject(silent('another shape'));
    fires([alert('Watchdog')], [alert('X', 'unheard')]);
    expect(await judgeOne(check())).toMatchObject(silent('another shape'));
  });
});

describe('a monitor of Datadog', () => {
  const check = () =>
    alerts('the monitor is OK', 'errors are low', {
      url: server.url,
      from: 'datadog',
      monitor: 7,
      headers: { 'DD-API-KEY': { env: 'DD_API_KEY' } },
    });
  const judged = async (overall_state: string, id = 7) => {
    server.answer = () => json({ id, name: 'errors', overall_state });
    return judgeOne(check(), { env: { DD_API_KEY: 'the-key-of-datadog' } });
  };

  test('is green only if it is OK', async () => {
    expect(await judged('OK')).toMatchObject({ verdict: 'pass', measured: 'OK' });
    expect(server.requests[0]).toMatchObject({
      path: '/api/v1/monitor/7',
      headers: { 'dd-api-key': 'the-key-of-datadog' },
    });
    for (const state of ['Alert', 'Warn']) expect(await judged(state)).toMatchObject({ verdict: 'fail' });
    for (const state of ['No Data', 'Unknown', 'Skipped', 'Ignored', 'ok'])
      expect(await judged(state)).toMatchObject(silent(state));
    expect(await judged('OK', 8)).toMatchObject(silent('monitor 8'));
  });
});

describe('an endpoint of JSON', () => {
  const check = () =>
    alerts('nothing fires', 'the status page is quiet', {
      url: `${server.url}/status?of={tenant}`,
      from: 'json',
      quiet: z.object({ incidents: z.array(z.unknown()).max(0) }),
      firing: z.object({ incidents: z.array(z.unknown()).min(1) }),
    });
  const judged = (body: unknown) => {
    server.answer = () => json(body);
    return judgeOne(check());
  };

  test('is green only if the answer is the quiet one', async () => {
    expect(await judged({ incidents: [] })).toMatchObject({ verdict: 'pass', measured: 'quiet' });
    expect(server.requests[0]?.path).toBe('/status?of=canary-1');
    expect(await judged({ incidents: [{}] })).toMatchObject({ verdict: 'fail', measured: 'firing' });
    for (const other of [{}, [], null, { incidents: null }])
      expect(await judged(other)).toMatchObject({ verdict: 'could-not-test' });
  });

  test('fires if the answer is both', async () => {
    server.answer = () => json({});
    const both = { ...check(), quiet: z.object({}), firing: z.object({}) };
    expect(await judgeOne(both)).toMatchObject({ verdict: 'fail' });
  });
});

test('a field of another source, or one that is missing, is refused when the suite is loaded', () => {
  const base = { kind: 'alerts', name: 'a', proves: 'b', url: 'https://am.example.com' };
  const problems = (more: object) => suiteProblems([{ ...base, ...more }]);
  expect(problems({ from: 'alertmanager', filter: [] })).toEqual([
    expect.stringContaining('from alertmanager needs watchdog'),
  ]);
  expect(problems({ from: 'datadog', monitor: 1, filter: [] })).toEqual([
    expect.stringContaining('from datadog has no filter'),
  ]);
  expect(problems({ from: 'alertmanager', filter: ['severity'], watchdog: 'W' })).toEqual([
    expect.stringContaining('must be a matcher'),
  ]);
  expect(problems({ from: 'datadog', monitor: 1, url: 'https://dd.example.com/?a=b' })).toEqual([
    expect.stringContaining('url has a query'),
  ]);
});
