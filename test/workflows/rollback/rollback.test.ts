import { beforeEach, describe, expect, test } from 'vitest';
import { awaitRunEnd } from '../../../src/temporal/runs.js';
import { pushBuild } from '../../../testbed/images.js';
import { ociError } from '../../../testbed/registry-store.js';
import { useCountedGate } from '../../support/counted-gate.js';
import { useGate } from '../../support/gate.js';
import { laneState } from '../../support/lanes.js';
import { childrenOf } from '../../support/manifests.js';
import { newSha } from '../../support/shas.js';

const gate = useGate('rollback');
let [GOOD, BAD] = [newSha(), newSha()];
let good: string[];
let bad: string[];
beforeEach(async () => {
  // A build that was rolled back from is bad from then on.
  [GOOD, BAD] = [newSha(), newSha()];
  [good, bad] = await Promise.all([gate().publish(GOOD), gate().publish(BAD)]);
  await gate().setLatest(GOOD);
  await gate().setLatest(BAD);
});

test('a rollback moves :latest of both images back, and says from where to where', async () => {
  const end = await awaitRunEnd(await gate().rollback({ sha: GOOD, reason: 'search is slow', requestedBy: 'ada' }));
  expect(end.report).toMatchObject({
    outcome: 'rolled-back',
    reason: 'search is slow',
    requestedBy: 'ada',
    images: good.map((digest, index) => ({ digest, previous: bad[index], latest: digest })),
  });
  expect(await gate().latest()).toEqual(good);
});

test('a rollback to where :latest stands ends as already', async () => {
  const end = await awaitRunEnd(await gate().rollback({ sha: BAD, reason: 'to be sure' }));
  expect(end.report).toMatchObject({ outcome: 'already' });
  expect(await gate().latest()).toEqual(bad);
});

test('a rollback to a build that one image lacks names it, and moves neither', async () => {
  const half = newSha();
  const [repository] = gate().repositories;
  const tag = `staging-${half.slice(0, 7)}`;
  await pushBuild({ registry: gate().host, repository: repository ?? '', sha: half, tag });

  const end = await awaitRunEnd(await gate().rollback({ sha: half, reason: 'a typo' }));

  expect(end.report).toMatchObject({
    outcome: 'BuildNotFound',
    why: expect.stringContaining(`platform-tenant/manifests/${tag}`),
  });
  expect(await gate().latest()).toEqual(bad);
});

test('a rollback without a reason does not begin', async () => {
  const handle = await gate().client.workflow.start('Rollback', {
    workflowId: `rollback-rollback-${GOOD.slice(0, 7)}`,
    taskQueue: 'rollback-canary-release',
    args: [{ sha: GOOD }],
  });
  gate().keep(handle);
  expect(await awaitRunEnd(handle)).toMatchObject({
    outcome: 'ConfigInvalid',
    why: expect.stringContaining('a rollback needs a reason'),
  });
  expect(await gate().latest()).toEqual(bad);
});

describe('where the registry counts what is written', async () => {
  const { registry, gate, old } = await useCountedGate('rollback-counted');

  test('a rollback to a build of which one manifest of the second image is gone names it, and writes nothing', async () => {
    const [, index] = await gate().latest();
    const [, child = ''] = await childrenOf(gate(), 1, index);
    const live = newSha();
    const digests = await gate().begin(live);
    registry.faults.add({
      match: ({ path }) => path === `/v2/${gate().repositories[1]}/manifests/${child}`,
      respond: () => ociError(404, 'MANIFEST_UNKNOWN', 'manifest unknown'),
    });
    const { knownBad, hold, expectedLatest, history } = (await laneState(gate())).ledger;
    const puts = () => registry.requests.filter(({ method }) => method === 'PUT').length;
    const before = puts();

    const end = await awaitRunEnd(await gate().rollback({ sha: old, reason: 'it burns' }));

    expect(end.report).toMatchObject({
      outcome: 'BuildNotFound',
      why: expect.stringMatching(
        new RegExp(`/platform-tenant, index ${index}: 1 of its 2 manifests are missing: ${child}`),
      ),
    });
    expect(puts()).toBe(before);
    expect(await gate().latest()).toEqual(digests);
    expect((await laneState(gate())).ledger).toMatchObject({
      knownBad,
      hold,
      expectedLatest,
      history,
    });
  });
});
