import { expect } from 'vitest';
import { awaitRunEnd } from '../../../src/temporal/runs.js';
import { useGate } from '../../support/gate.js';
import { promoted } from '../../support/lanes.js';
import { fullTest } from '../../support/rows.js';
import { newSha } from '../../support/shas.js';

const gate = useGate('added-image');

fullTest(
  'a rollback to a build from before an image was added moves the images that it has, and names the other',
  async () => {
    const old = newSha();
    const digests = await gate().begin(old);
    await promoted(gate());
    const added = `${gate().host}/${gate().lane}/added`;
    await gate().stopWorker();
    await gate().startWorker({ ...gate().env, CANARY_IMAGES: `${gate().env.CANARY_IMAGES},${added}` });

    const { report } = await awaitRunEnd(await gate().rollback({ sha: old, reason: 'checkout fails' }));
    expect(report).toMatchObject({ outcome: 'rolled-back', notMoved: [added] });
    expect(report?.why).toContain(added);
    expect(await gate().latest()).toEqual(digests);
  },
);
