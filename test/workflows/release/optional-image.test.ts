import { beforeAll, describe, expect, inject, test } from 'vitest';
import { eventsOfRun } from '../../../src/temporal/records/events.js';
import { awaitRunEnd } from '../../../src/temporal/runs.js';
import { pushBuild, retag, tagDigest } from '../../../testbed/images.js';
import { ada, heldFor, say } from '../../support/decisions.js';
import { useGate } from '../../support/gate.js';
import { laneState } from '../../support/lanes.js';
import { fullTest } from '../../support/rows.js';
import { newSha } from '../../support/shas.js';
import { until } from '../../support/until.js';

const WORKER = 'optional/worker';
const gate = useGate('optional', () => ({
  env: {
    CANARY_HOLD_TIMEOUT: '5m',
    CANARY_IMAGES: ['platform', 'platform-tenant', 'worker#optional']
      .map((name) => `${inject('registry').host}/optional/${name}`)
      .join(),
  },
}));
const OLD = newSha();
const host = () => gate().host;
const pushWorker = async (sha: string) =>
  (await pushBuild({ registry: host(), repository: WORKER, sha, tag: `staging-${sha.slice(0, 7)}` })).digest;
const names = () => [...gate().repositories, WORKER];
const latest = () => Promise.all(names().map((name) => tagDigest(host(), name, 'latest')));
let old: string[];

beforeAll(async () => {
  old = [...(await gate().publish(OLD)), await pushWorker(OLD)];
  for (const repository of names())
    await retag({ registry: host(), repository, from: `staging-${OLD.slice(0, 7)}`, to: 'latest' });
  const images = names().map((name, index) => ({ repository: `${host()}/${name}`, digest: old[index] ?? null }));
  await gate().sendToLane('adopt', { by: 'the test', reason: 'as it should be', images, sha: OLD });
  await gate().sendToLane('unhold', { by: 'the test', reason: 'as it should be' });
});

/** Releases a build that has no image of the worker. */
async function released() {
  const { sha, digests } = await gate().greenBuild();
  const handle = await gate().release({ sha });
  return { sha, digests, handle };
}

describe('a release of a build that has no image of an optional repository', () => {
  let kept: { sha: string; digests: string[] };

  test('promotes the others, keeps its :latest, and the report and the ledger say so', async () => {
    const { sha, digests, handle } = await released();
    kept = { sha, digests };
    const { report } = await awaitRunEnd(handle);
    expect(report).toMatchObject({ outcome: 'promoted' });
    expect(report?.images.map(({ unchanged }) => unchanged)).toEqual([undefined, undefined, true]);
    const { workflowId, firstExecutionRunId: runId } = handle;
    expect((await eventsOfRun(gate().client, { workflowId, runId })).at(-1)).toMatchObject({
      type: 'promoted',
      kept: [`${host()}/${WORKER}`],
    });
    expect(await latest()).toEqual([...digests, old[2]]);
    const { history } = (await laneState(gate())).ledger;
    expect(history.at(-1)?.images.at(-1)).toMatchObject({ digest: old[2], unchanged: true });
  });

  fullTest('a rollback to that build brings back the image that it ran with', async () => {
    const { sha, digests } = await gate().greenBuild();
    const newWorker = await pushWorker(sha);
    const next = await awaitRunEnd(await gate().release({ sha }));
    expect(next.report).toMatchObject({ outcome: 'promoted' });
    expect(await latest()).toEqual([...digests, newWorker]);
    const back = await awaitRunEnd(await gate().rollback({ sha: kept.sha, reason: 'the worker fails' }));
    expect(back.report).toMatchObject({ outcome: 'rolled-back' });
    expect(await latest()).toEqual([...kept.digests, old[2]]);
  });

  fullTest('leaves its :latest where a person puts it meanwhile, and adopts', async () => {
    await gate().sendToLane('unhold', ada);
    const theirs = await pushWorker(newSha());
    const { sha, digests } = await gate().greenBuild();
    const handle = await gate().release({ sha, soak: '5s' });
    await until('it soaks', async () => (await gate().phaseOf(sha)) === 'soaking');
    const [platform, tenant] = await latest();
    await retag({ registry: host(), repository: WORKER, from: theirs, to: 'latest' });
    const now = [platform, tenant, theirs];
    const images = names().map((name, index) => ({ repository: `${host()}/${name}`, digest: now[index] ?? null }));
    await gate().sendToLane('adopt', { ...ada, images });
    const { id } = await heldFor(gate(), handle, 'latest-moved');
    await say(handle, 'retry', { ...ada, hold: id });
    expect((await awaitRunEnd(handle)).report).toMatchObject({ outcome: 'promoted' });
    expect(await latest()).toEqual([...digests, theirs]);
  });
});
