import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { prometheus, type Suite } from '../../src/smoke/index.js';
import { suiteProblems } from '../../src/smoke/validate-suite.js';
import { type SinkServer, startSinkServer } from '../../testbed/sink-server.js';
import { type JudgeWith, judgeOne, soak } from '../support/judges.js';

let server: SinkServer;
beforeAll(async () => {
  server = await startSinkServer();
});
afterAll(() => server.stop());
beforeEach(() => {
  server.requests.length = 0;
});

type Check = Parameters<typeof prometheus>[2];

const errors = (more: Partial<Check> = {}) =>
  prometheus('errors stay low', 'few requests fail', {
    url: server.url,
    query: 'errors{tenant="{tenant}"}',
    is: { atMost: 0.01 },
    ...more,
  });

const asked = () => server.requests.map(({ path }) => new URL(path, server.url).searchParams);

/** Answers as Prometheus: the values of a query, one for each step of its range, or others. */
function answers(
  values: Record<string, number | string>,
  change: (series: [number, string][]) => unknown = (one) => one,
) {
  server.answer = ({ path }) => {
    const search = new URL(path, server.url).searchParams;
    const [start, end, step] = ['start', 'end', 'step'].map((name) => Number(search.get(name)));
    const value = values[search.get('query')?.split('{')[0] ?? ''];
    const series: [number, string][] = [];
    for (let at = start as number; at <= (end as number); at += step as number) series.push([at, String(value)]);
    const result = value === undefined ? [] : [{ metric: {}, values: change(series) }];
    return json({ status: 'success', data: { resultType: 'matrix', result } });
  };
}

const json = (body: unknown, status = 200) => ({
  status,
  headers: { 'content-type': 'application/json' },
  body: JSON.stringify(body),
});

const run = (more: Partial<Check> = {}, given: JudgeWith = {}) => judgeOne(errors(more), given);

describe('a query over the soak', () => {
  test('passes if every sample meets the condition, and tells what it measured', async () => {
    answers({ errors: 0.004 });
    expect(await run()).toMatchObject({ verdict: 'pass', measured: '0.004, 25 samples', status: 200 });
    const window = soak();
    await run({ step: '30s' }, { window });
    expect(Object.fromEntries(asked().at(-1) ?? [])).toEqual({
      query: 'errors{tenant="canary-1"}',
      start: (window.from / 1_000).toFixed(3),
      end: (window.until / 1_000).toFixed(3),
      step: '30.000',
    });
  });

  test('fails if one sample does not', async () => {
    answers({ errors: 0.004 }, (series) => series.map((one, index) => (index === 3 ? [one[0], '0.5'] : one)));
    expect(await run()).toMatchObject({
      verdict: 'fail',
      expected: 'at most 0.01',
      got: expect.stringMatching(/^0.5 at \S+Z, and 1 of 25 samples in all$/),
      measured: '0.004 to 0.5, 25 samples',
    });
  });

  test('fails on an infinite sample, and on one below the least', async () => {
    answers({ errors: '+Inf' });
    expect(await run()).toMatchObject({ verdict: 'fail' });
    answers({ errors: 0.004 });
    expect(await run({ is: { atLeast: 1 } })).toMatchObject({ verdict: 'fail', expected: 'at least 1' });
  });

  test('sends its token and headers, and shows neither if the server sends them back', async () => {
    server.answer = ({ headers }) => json({ error: `${headers.authorization} ${headers['x-scope']}` }, 400);
    const token = { file: 'prometheus-token' };
    const result = await run(
      { token, headers: { 'X-Scope': { env: 'SCOPE' } } },
      { files: { 'prometheus-token': 'a-token-of-prometheus\n' }, env: { SCOPE: 'a-scope-of-prometheus' } },
    );
    expect(server.requests.at(-1)?.headers).toMatchObject({
      authorization: 'Bearer a-token-of-prometheus',
      'x-scope': 'a-scope-of-prometheus',
    });
    expect(result).toMatchObject({ verdict: 'could-not-test', status: 400 });
    expect(result.got).toContain('[secret]');
    expect(JSON.stringify(result)).not.toMatch(/of-prometheus/);
  });
});

describe('a query that proves nothing is could-not-test', () => {
  const silent = (got: string) => ({ verdict: 'could-not-test', got: expect.stringContaining(got) });

  test('without a soak, or with one that is shorter than it holds', async () => {
    answers({ errors: 0 });
    expect(await run({}, { window: null })).toMatchObject(silent('the build did not soak'));
    expect(await run({ holds: '10m' })).toMatchObject(silent('6m'));
    expect(await run({ holds: '6m' })).toMatchObject({ verdict: 'pass' });
    expect(await run({}, { window: soak(0) })).toMatchObject(silent('0s'));
  });

  test('with no data, or with more than one series', async () => {
    answers({});
    expect(await run()).toMatchObject(silent('no data'));
    server.answer = () => {
      const one = { metric: {}, values: [[soak().until / 1_000, '0']] };
      return json({ status: 'success', data: { resultType: 'matrix', result: [one, one] } });
    };
    expect(await run()).toMatchObject(silent('2 series'));
  });

  test('with too few samples, those that are not numbers left out', async () => {
    answers({ errors: 0 }, (series) => series.slice(0, 12));
    expect(await run()).toMatchObject({ ...silent('12'), expected: 'at least 13 samples' });
    expect(await run({ samples: 12 })).toMatchObject({ verdict: 'pass' });
    answers({ errors: 'NaN' });
    expect(await run({ samples: 1 })).toMatchObject(silent('0'));
  });

  test('with samples of another time, or two of one time', async () => {
    answers({ errors: 0 }, (series) => series.map(([at, value]) => [at - 3_600, value]));
    expect(await run()).toMatchObject(silent('others'));
    answers({ errors: 0 }, (series) => [...series, ...series]);
    expect(await run()).toMatchObject(silent('two'));
  });

  test('with warnings, as of a store that did not answer', async () => {
    server.answer = () =>
      json({ status: 'success', data: { resultType: 'matrix', result: [] }, warnings: ['a store is down'] });
    expect(await run()).toMatchObject({ verdict: 'could-not-test', expected: expect.stringContaining('warnings') });
  });

  test('with an answer that is not one, a redirect, a refusal, or none at all', async () => {
    server.answer = () => json({ status: 'error', errorType: 'timeout', error: 'query timed out' });
    expect(await run()).toMatchObject({ verdict: 'could-not-test' });
    server.answer = () => ({ status: 302, headers: { location: 'https://login.example.com/' } });
    expect(await run()).toMatchObject(silent('status 302'));
    server.answer = () => json({}, 401);
    expect(await run()).toMatchObject(silent('status 401'));
    server.answer = () => null;
    expect(await run()).toMatchObject({ verdict: 'could-not-test', status: null });
  });

  test('without its secret, which is not asked for without it', async () => {
    answers({ errors: 0 });
    expect(await run({ token: { env: 'NOT_SET' } })).toMatchObject(silent('NOT_SET is not set'));
    expect(await run({ token: { file: 'gone' } })).toMatchObject(silent('gone cannot be read: ENOENT'));
    expect(server.requests).toEqual([]);
  });

  test('and is asked again while the retry budget lasts, as often as retries says', async () => {
    server.answer = () => json({}, 503);
    const asks = { waits: { retryBudgetMs: 300 } };
    expect(await run({}, asks)).toMatchObject({ verdict: 'could-not-test', tries: expect.any(Number) });
    expect(await run({ retries: 1 }, { waits: { retryBudgetMs: 5_000 } })).toMatchObject({ tries: 2 });
  });
});

describe('canary compared with production', () => {
  const compared: Partial<Check> = { is: { atMost: 1.2 }, compare: { production: 'all{job="production"}' } };

  test('is asked for the same times, and each sample is compared with that of its time', async () => {
    answers({ errors: 1.1, all: 1 });
    expect(await run(compared)).toMatchObject({ verdict: 'pass', measured: '1.1, production 1, 25 samples' });
    const [one, other] = asked().map((search) => ['start', 'end', 'step'].map((name) => search.get(name)));
    expect(one).toEqual(other);
    answers({ errors: 1.3, all: 1 });
    expect(await run(compared)).toMatchObject({
      verdict: 'fail',
      expected: 'at most 1.2 times production',
      got: expect.stringContaining('1.3 beside 1 in production'),
    });
  });

  test('may differ by the slack, where production has nothing', async () => {
    answers({ errors: 0.01, all: 0 });
    expect(await run(compared)).toMatchObject({ verdict: 'fail' });
    expect(await run({ ...compared, compare: { production: 'all', slack: 0.02 } })).toMatchObject({ verdict: 'pass' });
  });

  test('is could-not-test without production at the same time, or with an infinite one', async () => {
    answers({ errors: 0 });
    expect(await run(compared)).toMatchObject({ verdict: 'could-not-test', got: 'no data' });
    answers({ errors: 1, all: '+Inf' });
    expect(await run(compared)).toMatchObject({ verdict: 'could-not-test', got: '0' });
  });
});

test('a query that cannot be sent safely, or that names what no judge knows, is refused when the suite is loaded', () => {
  const problems = (more: object) => suiteProblems([{ ...errors(), ...more }] as Suite);
  expect(problems({})).toEqual([]);
  const token = { env: 'TOKEN' };
  expect(problems({ url: 'http://prometheus:9090', token })).toEqual([
    expect.stringContaining('plain http to prometheus'),
  ]);
  expect(problems({ url: 'http://prometheus:9090' })).toEqual([]);
  expect(problems({ url: 'https://user:hush-hush@prometheus' })).toEqual([
    expect.stringMatching(/url must be an address without a login, e.g. \S+$/),
  ]);
  expect(problems({ query: 'up{x="{workspace}"}' })).toEqual([expect.stringContaining('uses {workspace}')]);
  expect(problems({ token: 'hush-hush' })).toEqual([expect.stringContaining('a suite contains no secret')]);
  expect(problems({ is: {} })).toEqual([expect.stringContaining('needs atMost, atLeast or both')]);
});
