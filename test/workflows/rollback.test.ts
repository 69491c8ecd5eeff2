import { beforeEach, expect, test } from 'vitest';
import { runEnd } from '../../src/temporal/runs.js';
import { pushBuild } from '../../testbed/images.js';
import { useGate } from '../support/gate.js';
import { newSha } from '../support/shas.js';

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
  const end = await runEnd(await gate().rollback({ sha: GOOD, reason: 'search is slow', requestedBy: 'ada' }));
  expect(end.report).toMatchObject({
    outcome: 'rolled-back',
    reason: 'search is slow',
    requestedBy: 'ada',
    images: good.map((digest, index) => ({ digest, previous: bad[index], latest: digest })),
  });
  expect(await gate().latest()).toEqual(good);
});

test('a rollback to where :latest stands ends as already', async () => {
  const end = await runEnd(await gate().rollback({ sha: BAD, reason: 'to be sure' }));
  expect(end.report).toMatchObject({ outcome: 'already' });
  expect(await gate().latest()).toEqual(bad);
});

test('a rollback to a build that one image lacks names it, and moves neither', async () => {
  const half = newSha();
  const [repository] = gate().repositories;
  const tag = `staging-${half.slice(0, 7)}`;
  await pushBuild({ registry: gate().host, repository: repository ?? '', sha: half, tag });

  const end = await runEnd(await gate().rollback({ sha: half, reason: 'a typo' }));

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
  expect(await runEnd(handle)).toMatchObject({
    outcome: 'ConfigInvalid',
    why: expect.stringContaining('reason is missing'),
  });
  expect(await gate().latest()).toEqual(bad);
});
