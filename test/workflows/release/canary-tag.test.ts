import { beforeAll, beforeEach, expect, test } from 'vitest';
import { loadConfig } from '../../../src/config/load.js';
import { awaitRunEnd } from '../../../src/temporal/runs.js';
import { tagDigest } from '../../../testbed/images.js';
import { heldFor, say } from '../../support/decisions.js';
import { useGate } from '../../support/gate.js';
import { fullTest } from '../../support/rows.js';
import { newSha } from '../../support/shas.js';
import { until } from '../../support/until.js';

const gate = useGate('canary-tag', () => ({ env: { CANARY_TAG: 'canary', CANARY_HOLD_TIMEOUT: '5m' } }));
const OLD = newSha();
let old: string[];
beforeAll(async () => {
  old = await gate().begin(OLD);
});
beforeEach(async () => {
  await gate().setLatest(OLD);
  gate().deploy({ sha: OLD });
});

const canaryTag = () => Promise.all(gate().repositories.map((name) => tagDigest(gate().host, name, 'canary')));

/** A release of a build that the tenants take once their tag points at it, as an auto-update does. */
async function released({ follows = true } = {}) {
  const sha = newSha();
  const digests = await gate().publish(sha);
  const handle = await gate().release({ sha });
  const pointed = until('the tag points at it', async () => (await canaryTag()).join() === digests.join());
  if (follows) {
    await pointed;
    gate().deploy({ sha });
  }
  return { sha, digests, handle, pointed };
}

fullTest(
  'the release that holds the lane points the tag at its build, and promotes what was tested there',
  async () => {
    const { digests, handle } = await released();
    expect((await awaitRunEnd(handle)).report).toMatchObject({ outcome: 'promoted', notTested: [] });
    expect(await canaryTag()).toEqual(digests);
    expect(await gate().latest()).toEqual(digests);
  },
);

fullTest('a release that waits for the lane leaves the tag to the holder', async () => {
  const first = await released({ follows: false });
  await first.pointed;
  const second = await released({ follows: false });
  await until('it waits', async () => (await gate().laneClient.state())?.queue.length === 1);
  expect(await canaryTag()).toEqual(first.digests);
  gate().deploy({ sha: first.sha });
  expect((await awaitRunEnd(first.handle)).report).toMatchObject({ outcome: 'promoted' });
  await second.pointed;
  gate().deploy({ sha: second.sha });
  expect((await awaitRunEnd(second.handle)).report).toMatchObject({ outcome: 'promoted' });
});

fullTest('a tag that was moved from outside is pointed again when the wait starts over', async () => {
  await gate().stopWorker();
  await gate().startWorker({ ...gate().env, CANARY_UPDATE_TIMEOUT: '2s' });
  const { digests, handle, sha, pointed } = await released({ follows: false });
  await pointed;
  const { id } = await heldFor(gate(), handle, 'canary-not-updated');
  await gate().retag(OLD, 'canary');
  await say(handle, 'retry', { by: 'ada', reason: 'again', hold: id });
  await until('the tag points at it again', async () => (await canaryTag()).join() === digests.join());
  gate().deploy({ sha });
  expect((await awaitRunEnd(handle)).report).toMatchObject({ outcome: 'promoted' });
});

fullTest('a rollback points the canary tag back too', async () => {
  const { handle } = await released();
  expect((await awaitRunEnd(handle)).report).toMatchObject({ outcome: 'promoted' });
  const back = await gate().rollback({ sha: OLD, reason: 'search is slow' });
  expect((await awaitRunEnd(back)).report).toMatchObject({ outcome: 'rolled-back' });
  expect(await canaryTag()).toEqual(old);
});

test.each(['latest', 'staging-4c1d56e', 'no tag'])(
  '%s is refused as the tag that canary tenants follow',
  async (tag) => {
    await expect(loadConfig({ CANARY_TAG: tag })).rejects.toThrow(/CANARY_TAG: /);
  },
);
