import { afterAll, expect } from 'vitest';
import { awaitRunEnd } from '../../src/temporal/runs.js';
import { startSinkServer } from '../../testbed/sink-server.js';
import { canary } from '../support/cli.js';
import { useGate } from '../support/gate.js';
import { fullTest } from '../support/rows.js';
import { newSha } from '../support/shas.js';
import { until } from '../support/until.js';

const hook = await startSinkServer();
afterAll(() => hook.stop());

const HUSH = 'hush-hush-T000-B000';
const gate = useGate('lost-events', () => ({
  env: {
    CANARY_WEBHOOK_URL: `${hook.url}/events?token=${HUSH}`,
    CANARY_WEBHOOK_SECRET: `whsec_${Buffer.alloc(32, 7).toString('base64')}`,
    CANARY_WEBHOOK_EVENTS: 'rejected',
    CANARY_SLACK_WEBHOOK: `${hook.url}/slack/${HUSH}`,
  },
}));
const linesOf = async (command: string) => {
  const { out, err } = await canary([command], { ...gate().env, CANARY_LANE: 'lost-events' });
  expect([...out, ...err].join('\n')).not.toContain(HUSH);
  return [...out, ...err].filter((line) => line.includes('did not get'));
};

fullTest(
  'an event that a sink refused for good is named by doctor and status, without a worker and for a day',
  async () => {
    await gate().begin(newSha());
    hook.answer = () => ({ status: 410 });
    const sha = newSha();
    await gate().publish(sha);
    gate().deploy({ sha, misbehave: 'memory-search' });
    expect(await linesOf('status')).toEqual([]);
    await awaitRunEnd(await gate().release({ sha }));
    await until('both were asked', () => hook.requests.length > 1);
    const what = (sink: string) =>
      `${sink} did not get an event of the last day, last rejected of ${sha.slice(0, 7)}: ${sink}: answered 410`;
    const fix = 'canary events --replay --to';
    await until('status tells', async () => (await linesOf('status')).length > 1, 60_000);
    await gate().stopWorker();
    expect((await linesOf('status')).sort()).toEqual([
      `canary: ${what('slack')} (${fix} slack)`,
      `canary: ${what('webhook')} (${fix} webhook)`,
    ]);
    expect((await linesOf('doctor')).sort()).toEqual([
      `WARNING  runs      ${what('slack')} (fix: ${fix} slack)`,
      `WARNING  runs      ${what('webhook')} (fix: ${fix} webhook)`,
    ]);
    lost = sha;
  },
  180_000,
);

let lost: string;
const replay = (sinks: string, sha = lost) =>
  canary(['events', sha, '--replay', '--to', sinks], { ...gate().env, CANARY_LANE: 'lost-events' });

fullTest(
  'a replay sends Slack what it lost and nothing else, once, with no worker, and names a sink that is not configured',
  async () => {
    hook.requests.length = 0;
    hook.answer = () => ({ status: 200, body: 'ok' });
    const { code, out, err } = await replay('slack');
    expect({ code, err }).toEqual({ code: 0, err: ['canary: sent 1 event to slack'] });
    expect(out.map((line) => JSON.parse(line).type)).toEqual(['canary-release-gate.rejected']);
    expect(hook.requests.map(({ path }) => path)).toEqual([`/slack/${HUSH}`]);
    expect(hook.requests[0]?.body).toContain(`RED ${lost.slice(0, 7)}`);
    expect(await replay('slack')).toMatchObject({ code: 0, err: ['canary: sent 0 events to slack'] });
    expect(await linesOf('status')).toEqual([expect.stringContaining('webhook did not get')]);
    const all = await canary(['events', lost, '--replay'], { ...gate().env, CANARY_LANE: 'lost-events' });
    expect(all.out.length).toBeGreaterThan(3);
    expect(await linesOf('status')).toEqual([]);
    expect(await replay('slack,github')).toMatchObject({
      code: 2,
      err: ['canary: --replay --to github needs the variables of github, as the worker has them'],
    });
    expect(await replay('pager')).toMatchObject({ code: 2, err: [expect.stringContaining('expected webhook')] });
  },
);
