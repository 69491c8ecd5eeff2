import { expect } from 'vitest';
import { stagingTag } from '../../../src/contract/image.js';
import { laneCommandUpdate } from '../../../src/contract/messages.js';
import type { ReleaseInput } from '../../../src/contract/release.js';
import { parseSha } from '../../../src/contract/sha.js';
import { awaitRunEnd } from '../../../src/temporal/runs.js';
import { pushBuild, tagDigest } from '../../../testbed/images.js';
import { useGate } from '../../support/gate.js';
import { laneState } from '../../support/lanes.js';
import { fullTest } from '../../support/rows.js';
import { newSha } from '../../support/shas.js';

const gate = useGate('added-image');

fullTest(
  'a rollback to a build from before an image was added moves the images that it has, and names the other',
  async () => {
    const old = newSha();
    const digests = await gate().begin(old);
    const name = `${gate().lane}/added`;
    const added = `${gate().host}/${name}`;
    await gate().stopWorker();
    await gate().startWorker({ ...gate().env, CANARY_IMAGES: `${gate().env.CANARY_IMAGES},${added}` });
    const promote = async (how: Partial<ReleaseInput> = {}) => {
      const { sha } = await gate().greenBuild();
      await pushBuild({ registry: gate().host, repository: name, tag: stagingTag(parseSha(sha)), sha });
      const { report } = await awaitRunEnd(await gate().release({ ...how, sha }));
      expect(report).toMatchObject({ outcome: 'promoted' });
    };
    // The first build of an image waits for an approval.
    await promote({ promoteOnly: true, reason: 'the first one', requestedBy: 'ada' });
    const left = await tagDigest(gate().host, name, 'latest');

    const { report } = await awaitRunEnd(await gate().rollback({ sha: old, reason: 'checkout fails' }));
    expect(report).toMatchObject({ outcome: 'rolled-back', notMoved: [added] });
    expect(report?.why).toContain(added);
    expect(await gate().latest()).toEqual(digests);

    const { expectedLatest } = (await laneState(gate())).ledger;
    expect(expectedLatest?.images).toContainEqual({ repository: added, digest: left });
    await gate().laneClient.update(laneCommandUpdate('unhold'), { by: 'ada', reason: 'the fix is merged' });
    await promote();
  },
);
