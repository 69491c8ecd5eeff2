import { MockActivityEnvironment } from '@temporalio/testing';
import { beforeAll, beforeEach, expect, test } from 'vitest';
import { createDriftActivities } from '../../activities/lane/check-drift.js';
import { loadConfig } from '../../src/config/load.js';
import { type Digest, parseRepository, stagingTag } from '../../src/contract/image.js';
import type { LaneState } from '../../src/contract/lane.js';
import type { Drift } from '../../src/contract/move.js';
import { parseSha, type Sha } from '../../src/contract/sha.js';
import { record } from '../../src/lane/ledger.js';
import { emptyLane } from '../../src/lane/state.js';
import { pushBuild, retag, tagDigest } from '../../testbed/images.js';
import type { Fault } from '../../testbed/memory-registry.js';
import { ociError } from '../../testbed/registry-store.js';
import { isRead } from '../support/latest.js';
import { openRegistry } from '../support/open-registry.js';
import { WAITS } from '../support/pair.js';
import { newSha } from '../support/shas.js';

const [PLATFORM, TENANT, GONE] = ['platform', 'platform-tenant', 'platform-old'];
const [earlier, live, theirs] = [newSha(), newSha(), newSha()].map(parseSha) as [Sha, Sha, Sha];
const { server: images, registry } = await openRegistry();
const config = await loadConfig({ CANARY_IMAGES: `${images.host}/${PLATFORM},${images.host}/${TENANT}` });
let state: LaneState;
/** Time of Temporal at which a check was scheduled. */
let scheduledAt = Date.now();
beforeAll(async () => {
  const builds: [Sha, string[]][] = [
    [earlier, [PLATFORM, TENANT, GONE]],
    [live, [PLATFORM, TENANT]],
    [theirs, [PLATFORM, TENANT]],
  ];
  for (const [sha, names] of builds)
    for (const repository of names) await pushBuild({ registry: images.host, repository, tag: stagingTag(sha), sha });
});

const tag = (repository: string, to: Sha, name = 'latest') =>
  retag({ registry: images.host, repository, from: stagingTag(to), to: name });
/** What an image is at. */
const at = async (name: string, sha: Sha) => ({
  repository: parseRepository(`${images.host}/${name}`),
  digest: (await tagDigest(images.host, name, stagingTag(sha))) as Digest,
});
/** A lane that promoted `earlier` with three images, then `live` with the two that are configured. */
beforeEach(async () => {
  state = emptyLane();
  for (const [sha, names] of [
    [earlier, [PLATFORM, TENANT, GONE]],
    [live, [PLATFORM, TENANT]],
  ] as [Sha, string[]][]) {
    const moved = await Promise.all(names.map((name) => at(name, sha)));
    record(state.ledger, {
      sha,
      at: new Date().toISOString(),
      kind: 'promotion',
      by: 'ada',
      reason: 'x',
      images: moved,
    });
    state.ledger.expectedLatest = { images: moved, at: 1 };
  }
  for (const name of [PLATFORM, TENANT]) await tag(name, live);
});

const gate = () =>
  ({
    config,
    registry,
    waits: { ...WAITS, surpriseMs: 50 },
    lane: { state: async () => state },
  }) as unknown as Parameters<typeof createDriftActivities>[0];
/** One check, whose report the lane keeps. */
async function check(): Promise<Drift | null> {
  const found = await new MockActivityEnvironment({ currentAttemptScheduledTimestampMs: scheduledAt }).run(
    createDriftActivities(gate()).lookForDrift,
  );
  if (found) state.ledger.drift = found as Drift;
  return found as Drift | null;
}
const of =
  (name: string) =>
  ({ path }: { path: string }) =>
    path.startsWith(`/v2/${name}/`);
const DENIED: Fault['respond'] = () => ociError(403, 'DENIED', 'the token has lost it');
const REMOVED: Fault['respond'] = () => ociError(404, 'MANIFEST_UNKNOWN', 'no such manifest');
async function during<T>(match: Fault['match'], act: () => Promise<T>, respond = DENIED): Promise<T> {
  const heal = images.faults.add({ match, respond });
  try {
    return await act();
  } finally {
    heal();
  }
}

test('an image of an earlier build that cannot be read hides no :latest that was moved', () =>
  during(of(GONE), async () => {
    expect(await check()).toEqual({ expectedAt: 1, moved: [], missing: [] });
    expect(await check()).toBeNull();
    await tag(TENANT, theirs);
    expect(await check()).toMatchObject({ moved: [await at(TENANT, theirs)] });
  }));

test('a :latest that cannot be read hides no other; with nothing else to report the check fails', async () => {
  await check();
  const isUnread: Fault['match'] = (request) => isRead(request) && of(PLATFORM)(request);
  await during(isUnread, async () => {
    await expect(check()).rejects.toThrow('the token has lost it');
    await tag(TENANT, theirs);
    expect(await check()).toMatchObject({ moved: [await at(TENANT, theirs)] });
  });
  await tag(PLATFORM, theirs);
  const both = { moved: [await at(PLATFORM, theirs), await at(TENANT, theirs)] };
  expect(await check()).toMatchObject(both);
  // It was seen elsewhere, and no read says that it is back.
  await during(isUnread, async () => expect(await check()).toMatchObject(both));
  await during(isRead, () => expect(check()).rejects.toThrow('the token has lost it'));
});

test('a target that was missing stays so while it cannot be read', async () => {
  const { digest } = await at(GONE, earlier);
  const missing = [expect.objectContaining({ text: expect.stringContaining(digest) })];
  await during(of(GONE), async () => expect(await check()).toMatchObject({ missing }), REMOVED);
  expect(await during(of(GONE), check)).toBeNull();
  await tag(PLATFORM, theirs);
  expect(await during(of(GONE), check)).toMatchObject({ missing });
  expect(await check()).toMatchObject({ missing: [] });
});

test('a check that was scheduled right after a move compares nothing yet, whatever the clock of its machine says', async () => {
  await tag(TENANT, theirs);
  const [expectedAt, before] = [Date.now() - 3_600_000, scheduledAt];
  if (state.ledger.expectedLatest) state.ledger.expectedLatest.at = expectedAt;
  scheduledAt = expectedAt + 1;
  expect(await check()).toBeNull();
  scheduledAt = before;
  expect(await check()).toMatchObject({ moved: [await at(TENANT, theirs)] });
});
