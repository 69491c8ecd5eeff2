import { beforeAll, beforeEach, expect, test } from 'vitest';
import { eventsOfRun } from '../../../src/temporal/records/events.js';
import { awaitRunEnd } from '../../../src/temporal/runs.js';
import { useGate } from '../../support/gate.js';
import { fullTest } from '../../support/rows.js';
import { newSha } from '../../support/shas.js';
import { until } from '../../support/until.js';

const gate = useGate('again', () => ({ env: { CANARY_HOLD_TIMEOUT: '5m' } }));
const OLD = newSha();
beforeAll(() => gate().begin(OLD));
beforeEach(() => gate().setLatest(OLD));

/** Requests that the tenants have answered so far. */
const asked = () => gate().tenants.flatMap(({ requests }) => requests).length;

async function promoted() {
  const build = await gate().greenBuild();
  expect((await awaitRunEnd(await gate().release({ sha: build.sha }))).report).toMatchObject({ outcome: 'promoted' });
  // The watch beside the move ends with its next heartbeat.
  const seen = { asked: asked(), at: Date.now() };
  await until('the tenants are left alone', () => {
    if (asked() !== seen.asked) Object.assign(seen, { asked: asked(), at: Date.now() });
    return Date.now() - seen.at > 2_500;
  });
  return build;
}

test('a promoted build that is still live ends at once: no tenant is asked, nothing moves', async () => {
  const { sha, digests } = await promoted();
  const before = asked();
  const again = await gate().release({ sha, requestedBy: 'a job that ran again' });
  const { report } = await awaitRunEnd(again);
  expect(report).toMatchObject({ outcome: 'promoted', why: expect.stringMatching(/is on this build since 20/) });
  expect(asked()).toBe(before);
  expect(await gate().latest()).toEqual(digests);
  const { workflowId, firstExecutionRunId: runId } = again;
  expect((await eventsOfRun(gate().client, { workflowId, runId })).at(-1)).toMatchObject({
    type: 'promoted',
    moved: false,
  });
});

fullTest('one whose tag was pushed again since is tested like any other', async () => {
  const { sha } = await promoted();
  const digests = await gate().publish(sha, { platforms: ['linux/amd64'] });
  const before = asked();
  expect((await awaitRunEnd(await gate().release({ sha }))).report).toMatchObject({ outcome: 'promoted' });
  expect(asked()).toBeGreaterThan(before);
  expect(await gate().latest()).toEqual(digests);
});

fullTest('one that was replaced since ends superseded, naming what replaced it', async () => {
  const first = await promoted();
  const second = await promoted();
  const { report } = await awaitRunEnd(await gate().release({ sha: first.sha }));
  expect(report).toMatchObject({ outcome: 'superseded', why: `superseded by ${second.sha}` });
  expect(await gate().latest()).toEqual(second.digests);
});
