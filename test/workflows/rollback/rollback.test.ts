import { beforeEach, describe, expect, test } from 'vitest';
import { awaitRunEnd } from '../../../src/temporal/runs.js';
import { pushBuild } from '../../../testbed/images.js';
import { ociError } from '../../../testbed/registry-store.js';
import { useCountedGate } from '../../support/counted-gate.js';
import { useGate } from '../../support/gate.js';
import { laneState } from '../../support/lanes.js';
import { isPut } from '../../support/latest.js';
import { childrenOf } from '../../support/manifests.js';
import { fullTest } from '../../support/rows.js';
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

fullTest('a rollback moves :latest of both images back, and says from where to where', async () => {
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

  /** Takes a manifest of the second image away, as a clean-up job does. */
  const remove = (child: string) =>
    registry.faults.add({
      match: ({ path }) => path === `/v2/${gate().repositories[1]}/manifests/${child}`,
      respond: () => ociError(404, 'MANIFEST_UNKNOWN', 'manifest unknown'),
    });
  const puts = () => registry.requests.filter(isPut()).length;

  fullTest(
    'a rollback to a build of which a platform of the second image is gone names it, and writes nothing without force',
    async () => {
      const target = await gate().latest();
      const [, child = ''] = await childrenOf(gate(), 1, target[1]);
      const digests = await gate().begin(newSha());
      const heal = remove(child);
      const { knownBad, hold, expectedLatest, history } = (await laneState(gate())).ledger;
      const before = puts();

      const end = await awaitRunEnd(await gate().rollback({ sha: old, reason: 'it burns' }));

      expect(end.report).toMatchObject({
        outcome: 'MoveRefused',
        refusal: 'needs-force',
        why: expect.stringContaining(`/platform-tenant, index ${target[1]}: platform missing: ${child}`),
      });
      expect(puts()).toBe(before);
      expect(await gate().latest()).toEqual(digests);
      expect((await laneState(gate())).ledger).toMatchObject({ knownBad, hold, expectedLatest, history });

      const forced = await awaitRunEnd(await gate().rollback({ sha: old, reason: 'it burns', force: true }));
      expect(forced.report).toMatchObject({ outcome: 'rolled-back' });
      expect(await gate().latest()).toEqual(target);
      heal();
    },
  );

  fullTest('a rollback to a build of which an attestation is gone goes on, and says so', async () => {
    const sha = newSha();
    const target = await gate().publish(sha, { platforms: ['linux/amd64', 'unknown/unknown'] });
    await gate().setLatest(sha);
    await gate().begin(newSha());
    const [, attestation = ''] = await childrenOf(gate(), 1, target[1]);
    const heal = remove(attestation);
    const { report } = await awaitRunEnd(await gate().rollback({ sha, reason: 'it burns', force: true }));
    heal();
    expect(report).toMatchObject({
      outcome: 'rolled-back',
      warnings: [expect.stringContaining(`attestation missing: ${attestation}`)],
    });
    expect(await gate().latest()).toEqual(target);
  });

  fullTest('a rollback whose credentials may not upload, only write tags, goes on: the write decides', async () => {
    const target = await gate().latest();
    await gate().begin(newSha());
    const heal = registry.faults.add({
      match: ({ method }) => method === 'POST',
      respond: () => ociError(403, 'DENIED', 'not authorized to perform: ecr:InitiateLayerUpload'),
    });
    const { report } = await awaitRunEnd(await gate().rollback({ sha: old, reason: 'it burns', force: true }));
    heal();
    expect(report).toMatchObject({ outcome: 'rolled-back' });
    expect(await gate().latest()).toEqual(target);
  });
});
