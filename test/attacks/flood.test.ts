import { randomUUID } from 'node:crypto';
import { expect } from 'vitest';
import { releaseId } from '../../src/contract/ids.js';
import { joinQueueSignal } from '../../src/contract/messages.js';
import { parseSha } from '../../src/contract/sha.js';
import { awaitRunEnd } from '../../src/temporal/runs.js';
import { useCountedGate } from '../support/counted-gate.js';
import { laneHandle, laneState, promoted } from '../support/lanes.js';
import { fullTest } from '../support/rows.js';
import { until } from '../support/until.js';

const { gate } = await useCountedGate('attack-flood');

const REQUESTS = 1_000;
const AT_ONCE = 50;
/** Longest delay of a release, in milliseconds: 2 s alone on two cores; beside three other files a minute. Without a look-up it is many minutes. */
const MAX_DELAY_MS = 120_000;

/** Releases a GREEN build; the time until it holds the lane, in milliseconds. */
async function timeToTheLane(): Promise<number> {
  const { sha } = await gate().greenBuild();
  const begun = Date.now();
  const handle = await gate().release({ sha });
  await until('it has the lane', async () => !['queued', undefined].includes(await gate().phase(handle)), 180_000);
  const took = Date.now() - begun;
  expect((await awaitRunEnd(handle)).report).toMatchObject({ outcome: 'promoted' });
  return took;
}

fullTest(
  '1,000 requests of runs that do not exist are looked up and dropped, and delay no release for long',
  async () => {
    await promoted(gate());
    const usual = await timeToTheLane();
    const lane = laneHandle(gate());
    for (let sent = 0; sent < REQUESTS; sent += AT_ONCE)
      await Promise.all(
        Array.from({ length: AT_ONCE }, (_, more) => {
          const sha = parseSha((0xf000000 + sent + more).toString(16));
          const request = { workflowId: releaseId(gate().lane, sha), runId: randomUUID(), sha, manual: true };
          return lane.signal(joinQueueSignal, request);
        }),
      );
    const delay = (await timeToTheLane()) - usual;
    expect(delay).toBeLessThan(MAX_DELAY_MS);
    expect((await laneState(gate())).queue.length).toBeLessThanOrEqual(20);
  },
  300_000,
);
