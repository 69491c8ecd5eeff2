import { expect, test } from 'vitest';
import { canary } from './support/cli.js';
import { ada } from './support/decisions.js';
import { useGate } from './support/gate.js';
import { laneHandle, laneState, startLane } from './support/lanes.js';
import { startProduction } from './support/production.js';
import { temporalAddress } from './support/servers.js';
import { newSha } from './support/shas.js';
import { until } from './support/until.js';

const gate = useGate('replay', async () => {
  const { file } = await startProduction(['acme']);
  return { tenants: 1, env: { CANARY_PROD_FLEET_FILE: file } };
});

/** Events after which the lane of this test continues as a new run. */
const MAX_EVENTS = 40;

test('a gate replays every run of its lane: what the command line and activities started, and each run of a continued lane', async () => {
  await startLane(gate(), [null, MAX_EVENTS]);
  const first = (await laneHandle(gate()).describe()).runId;
  await gate().begin(newSha());
  const { sha } = await gate().greenBuild();
  const env = { TEMPORAL_ADDRESS: temporalAddress(), CANARY_LANE: gate().lane };
  expect(await canary(['release', sha, '--wait'], env)).toMatchObject({ code: 0 });
  await until('the lane has continued', async () => {
    await gate().sendToLane('pause', ada);
    await gate().sendToLane('resume', ada);
    await laneState(gate());
    return (await laneHandle(gate()).describe()).runId !== first;
  });

  const replayed = await gate().replay();
  const types = replayed.map(({ type }) => type);
  expect(new Set(types)).toEqual(new Set(['CanaryRelease', 'MoveLatest', 'ReleaseLane', 'WatchProduction']));
  const lanes = replayed.filter(({ type }) => type === 'ReleaseLane');
  expect(lanes.length).toBeGreaterThan(1);
  expect(lanes.map(({ runId }) => runId)).toContain(first);
}, 60_000);
