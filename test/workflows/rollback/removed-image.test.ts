import { expect, test } from 'vitest';
import { awaitRunEnd } from '../../../src/temporal/runs.js';
import { pushBuild, tagDigest } from '../../../testbed/images.js';
import { canary } from '../../support/cli.js';
import { useGate } from '../../support/gate.js';
import { adopted } from '../../support/lanes.js';
import { newSha } from '../../support/shas.js';

const gate = useGate('removed-image');

test('a rollback to an adopted build, one of whose images has left CANARY_IMAGES since, leaves that one where it is, and names it', async () => {
  const old = newSha();
  const digests = await gate().begin(old);
  const [name, host] = [`${gate().lane}/removed`, gate().host];
  const removed = `${host}/${name}`;
  const { digest } = await pushBuild({ registry: host, repository: name, tag: 'latest', sha: old });
  // As `canary setup` did with three images.
  const images = gate().repositories.map((one, at) => ({ repository: `${host}/${one}`, digest: digests[at] }));
  await gate().sendToLane('adopt', {
    by: 'ada',
    reason: 'as it is',
    sha: old,
    images: [...images, { repository: removed, digest }],
  });
  await adopted(gate());

  const env = { CANARY_LANE: gate().lane, CANARY_IMAGES: gate().env.CANARY_IMAGES ?? '' };
  const dry = await canary(['rollback', old, '--dry-run', '--json'], env);
  expect([dry.code, JSON.parse(dry.out[0] ?? '')]).toMatchObject([0, { refused: [], notMoved: [removed] }]);
  expect(JSON.parse(dry.out[0] ?? '').images).toHaveLength(2);

  const { report } = await awaitRunEnd(await gate().rollback({ sha: old, reason: 'checkout fails' }));
  expect(report).toMatchObject({ outcome: 'rolled-back', notMoved: [removed] });
  expect(await gate().latest()).toEqual(digests);
  expect(await tagDigest(host, name, 'latest')).toBe(digest);
});
