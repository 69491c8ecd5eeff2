import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { verdictOf } from '../../src/contract/tenants/check.js';
import { livenessOf } from '../../src/smoke/default-suite.js';
import { answers, check, command, get, type Suite, z } from '../../src/smoke/index.js';
import { repeatable } from '../../src/smoke/suite.js';
import { suiteProblems } from '../../src/smoke/validate-suite.js';
import { type SinkServer, startSinkServer } from '../../testbed/sink-server.js';
import { judge } from '../support/judges.js';

let server: SinkServer;
beforeAll(async () => {
  server = await startSinkServer();
});
afterAll(() => server.stop());
beforeEach(() => {
  server.requests.length = 0;
});

type More = Parameters<typeof check>[4];
const ok = (more: More = {}) =>
  check('it is ok', 'it says ok', get('/ok'), answers(200, z.object({ ok: z.literal(true) })), more);
const red = command('it is red', 'nothing', { run: ['sh', '-c', 'exit 1'] });

/** Answers in turn, each `{"ok":…}`; the last one stays. */
function answerWith(...turns: boolean[]) {
  server.answer = () => ({
    status: 200,
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ ok: turns[Math.min(server.requests.length, turns.length) - 1] }),
  });
}

const run = (suite: Suite) => judge(suite, { origin: server.url });

describe('a check that only observes', () => {
  test('is measured and shown, and is no part of the verdict', async () => {
    answerWith(true);
    const result = await run([ok(), { ...red, observe: true }]);
    expect(result.checks.map(({ check: name }) => name)).toEqual(['it is ok']);
    expect(result.observed).toMatchObject([{ check: 'it is red', verdict: 'fail', measured: 'exit 1' }]);
    expect(verdictOf([result])).toBe('pass');
  });

  test('proves nothing alone', async () => {
    answerWith(true);
    expect(verdictOf([await run([ok({ observe: true })])])).toBe('could-not-test');
    expect(suiteProblems([ok({ observe: true })])).toEqual(['the suite only observes: it would pass every build']);
  });

  test('takes no time of those that count', async () => {
    answerWith(true);
    const slow = command('it is slow', 'nothing', { run: ['sleep', '60'], observe: true });
    const suite = [slow, ok({ observe: true }), { ...ok(), name: 'it counts' }];
    const result = await judge(suite, { origin: server.url, waits: { suiteMs: 2_000 } });
    expect(result.checks).toMatchObject([{ check: 'it counts', verdict: 'pass' }]);
    const late = { verdict: 'could-not-test', got: 'the suite reached its limit of 2s' };
    expect(result.observed).toMatchObject([{ check: 'it is slow', ...late }, late]);
  });

  test('shares no retry budget with those that count', async () => {
    /** Requests to each path; the one that counts and the first of the other are not answered. */
    const asked: Record<string, number> = { '/counts': 0, '/observes': 0 };
    server.answer = ({ path }) => {
      asked[path] = (asked[path] ?? 0) + 1;
      return { status: path === '/counts' || asked[path] === 1 ? 503 : 200 };
    };
    const suite = [
      check('it observes', 'nothing', get('/observes'), answers(200), { observe: true }),
      check('it counts', 'nothing', get('/counts'), answers(200)),
    ];
    const waits = { retryBudgetMs: 300, pauseMs: 100, maxPauseMs: 100 };
    const result = await judge(suite, { origin: server.url, waits });
    expect(result.checks).toMatchObject([{ verdict: 'could-not-test', status: 503 }]);
    expect(result.observed).toMatchObject([{ verdict: 'pass', tries: 2 }]);
  });

  test('is needed by none that counts', () => {
    const needing = (more: More) => ({ ...ok(more), name: 'second', needs: 'it is ok' });
    const suite = [ok({ observe: true }), { ...ok(), name: 'third' }];
    expect(suiteProblems([...suite, needing({ observe: true })])).toEqual([]);
    expect(suiteProblems([...suite, needing({})])).toEqual([
      'check 3 "second": needs "it is ok", which only observes: what counts runs first',
    ]);
  });

  test('is no part of a watch, and shows no tenant to be live', () => {
    const suite = [ok({ observe: true }), red, { ...ok({ failures: 3, holds: '1m' }), name: 'second' }];
    expect(repeatable(suite)).toEqual([{ ...ok(), name: 'second' }]);
    expect(livenessOf([ok({ observe: true })], { token: 'x' })).toEqual([]);
  });
});

describe('a check that is tried again', () => {
  test('fails only after so many fails in a row', async () => {
    answerWith(false, true);
    expect((await run([ok({ failures: 2, every: '10ms' })])).checks).toMatchObject([{ verdict: 'pass', tries: 2 }]);
    server.requests.length = 0;
    answerWith(false, false, true);
    expect((await run([ok({ failures: 2, every: '10ms' })])).checks).toMatchObject([{ verdict: 'fail', tries: 2 }]);
  });

  test('passes only after it has passed for so long, and fails at once if it stops', async () => {
    answerWith(true);
    const began = performance.now();
    const [result] = (await run([ok({ holds: '200ms', every: '20ms' })])).checks;
    expect(performance.now() - began).toBeGreaterThan(200);
    expect(result).toMatchObject({ verdict: 'pass', tries: expect.any(Number) });
    server.requests.length = 0;
    answerWith(true, true, false);
    const stopped = await run([ok({ holds: '1h', every: '10ms' })]);
    expect(stopped.checks).toMatchObject([{ verdict: 'fail', tries: 3 }]);
  });

  test('that neither passes for long nor fails often enough is could-not-test at the limit of the suite', async () => {
    server.answer = () => ({
      status: 200,
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ ok: server.requests.length % 2 === 0 }),
    });
    const suite = [ok({ failures: 2, holds: '1h', every: '1ms' })];
    const result = await judge(suite, { origin: server.url, waits: { suiteMs: 500 } });
    expect(result.checks).toMatchObject([{ verdict: 'could-not-test', expected: 'an answer in time' }]);
  });

  test('must not write if it must pass for long', () => {
    expect(suiteProblems([ok({ holds: '1m', writes: true })])).toEqual([expect.stringContaining('must not write')]);
    expect(suiteProblems([ok({ failures: 0 })])).toEqual([expect.stringContaining('failures must be at least 1')]);
    expect(suiteProblems([{ ...ok(), kind: 'steps' }])).toEqual([
      'check 1 "it is ok": kind must be prometheus, alerts, command, drift, or left out',
    ]);
  });
});
