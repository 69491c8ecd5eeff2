import { expect } from 'vitest';
import { eventsOfRuns, grantDelays, holderTimes } from '../../../bench/lane-times.js';
import { quantile } from '../../../bench/report.js';
import { awaitRunEnd } from '../../../src/temporal/runs.js';
import { useGate } from '../../support/gate.js';
import { laneHandle, laneState, startLane } from '../../support/lanes.js';
import { fullTest } from '../../support/rows.js';
import { newSha } from '../../support/shas.js';
import { until } from '../../support/until.js';

const gate = useGate('lane-many');

const BUILDS = 40;
const AT_ONCE = 5;
/** Events after which the lane of this test goes on as a new run; and what may come on top before it can. */
const MAX_EVENTS = 100;
const MORE_EVENTS = 50;
/** Far above what it takes. */
const GRANT_MS = 5_000;

/** Manual, so that none is superseded; no such build was pushed, so it ends as soon as it holds the lane. */
async function acquireAndEnd(forced: boolean) {
  const handle = await gate().release({ sha: newSha(), ...(forced && { force: true, reason: 'one of many' }) });
  const { report } = await awaitRunEnd(handle);
  return { handle, outcome: report?.outcome };
}

fullTest(
  'forty builds, five at a time, go through one lane: each acquires it soon or is superseded, and the state of the lane stays small',
  async () => {
    await startLane(gate(), [null, MAX_EVENTS]);
    const ends: Awaited<ReturnType<typeof acquireAndEnd>>[] = [];
    const sendOn = async (_: unknown, sender: number) => {
      while (ends.length < BUILDS) ends.push(await acquireAndEnd(sender > 0));
    };
    await Promise.all(Array.from({ length: AT_ONCE }, sendOn));

    const had = ends.filter(({ outcome }) => outcome === 'BuildNotFound');
    const passed = ends.filter(({ outcome }) => outcome === 'superseded');
    expect(had.length + passed.length).toBe(ends.length);
    const times = await Promise.all(had.map(({ handle }) => holderTimes(handle)));
    const delays = grantDelays(times.flatMap((one) => one ?? []));
    expect(delays.length).toBeGreaterThan(BUILDS / 2);
    expect(quantile(delays, 0.95)).toBeLessThan(GRANT_MS);

    await until('the lane is free', async () => (await laneState(gate())).holder === null);
    const events = await eventsOfRuns(gate().client, laneHandle(gate()).workflowId);
    expect(events.length).toBeGreaterThan(2);
    expect(Math.max(...events)).toBeLessThan(MAX_EVENTS + MORE_EVENTS);
    expect(JSON.stringify(await laneState(gate())).length).toBeLessThan(32 * 1024);
  },
  180_000,
);
