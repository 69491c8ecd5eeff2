import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type Digest, parseRepository, type Repository } from '../../src/contract/image.js';
import type { LaneState } from '../../src/contract/lane.js';
import { parseSha } from '../../src/contract/sha.js';
import { compareLatest, tryOverwriting } from '../../src/doctor/latest.js';
import { emptyLane } from '../../src/lane/state.js';
import type { Registry } from '../../src/registry/context.js';
import { createRegistry } from '../../src/registry/registry.js';
import { pushBuild, retag, tagDigest } from '../../testbed/images.js';
import { type MemoryRegistry, startMemoryRegistry } from '../../testbed/memory-registry.js';
import { ociError } from '../../testbed/registry-store.js';
import { isPut } from '../support/latest.js';
import { newSha } from '../support/shas.js';

const NAMES = ['platform', 'platform-tenant'];
const { signal } = new AbortController();
const MINUTE = 60_000;
let server: MemoryRegistry;
let registry: Registry;
let images: Repository[];
let digests: Digest[];
let before: number;
const releaseRun = { workflowId: 'canary-release-4c1d56e', runId: 'a-run' };

beforeAll(async () => {
  server = await startMemoryRegistry();
  registry = createRegistry({ push: true });
  images = NAMES.map((name) => parseRepository(`${server.host}/${name}`));
});
afterAll(async () => {
  await registry.close();
  await server.stop();
});
beforeEach(async () => {
  const sha = parseSha(newSha());
  digests = await Promise.all(
    NAMES.map(async (repository) => {
      const { digest } = await pushBuild({ registry: server.host, repository, tag: 'build', sha });
      await retag({ registry: server.host, repository, from: 'build', to: 'latest' });
      return digest as Digest;
    }),
  );
  before = server.requests.length;
});

/** A paused lane in which nothing runs, whose last move left `:latest` as it is, two minutes ago. */
function idle(change: (state: LaneState) => void = () => undefined): LaneState {
  const state = emptyLane();
  state.ledger.pause = { by: 'ada', why: 'a trial write', since: new Date().toISOString() };
  const latest = images.map((repository, index) => ({ repository, digest: digests[index] ?? null }));
  state.ledger.expectedLatest = { images: latest, at: Date.now() - 2 * MINUTE };
  change(state);
  return state;
}
const reading = (...states: (LaneState | null)[]) => {
  const left = [...states];
  return async () => (left.length > 1 ? left.shift() : left[0]) ?? null;
};
const asked = () => server.requests.slice(before);
const written = () => asked().filter(isPut()).length;
const moved = (state: LaneState) => {
  if (state.ledger.expectedLatest) state.ledger.expectedLatest.at = Date.now();
};
const elsewhere = () => retag({ registry: server.host, repository: 'platform', from: 'other', to: 'latest' });
const pushOther = () =>
  pushBuild({ registry: server.host, repository: 'platform', tag: 'other', sha: parseSha(newSha()) });

describe('the comparison of :latest with the ledger', () => {
  const compare = (state: LaneState | null) => compareLatest(registry, reading(state), images, signal);

  test('finds all as the last move left it', async () => {
    expect(await compare(idle())).toEqual([
      { area: 'lane', level: 'ok', what: ':latest is where the last move left it' },
    ]);
  });

  test('names an image that was moved from outside, with both digests', async () => {
    const { digest } = await pushOther();
    await elsewhere();
    const [finding, ...rest] = await compare(idle());
    expect(rest).toEqual([]);
    expect(finding).toMatchObject({ area: 'lane', level: 'stops', fix: expect.stringMatching(/^canary lane adopt/) });
    expect(finding?.what).toContain(`${images[0]}:latest stands at ${digest}, the ledger has ${digests[0]}`);
  });

  test('does not stop a release for a read that may lag behind the last move', async () => {
    await pushOther();
    await elsewhere();
    expect(await compare(idle(moved))).toMatchObject([{ level: 'note' }]);
  });

  test('warns of images that only this machine or only the last move has', async () => {
    const state = idle(({ ledger }) => ledger.expectedLatest?.images.splice(1, 1));
    const added = images[1] as Repository;
    const gone = { repository: parseRepository(`${server.host}/gone`), digest: null };
    state.ledger.expectedLatest?.images.push(gone);
    expect((await compare(state)).map(({ level, what }) => [level, what])).toEqual([
      ['ok', ':latest is where the last move left it'],
      ['warning', `CANARY_IMAGES lacks ${gone.repository}, which the last move had`],
      ['warning', `CANARY_IMAGES has ${added}, which the last move had not`],
    ]);
  });

  test.each<[string, LaneState | null]>([
    ['a lane that cannot be read', null],
    ['a lane that has moved nothing yet', emptyLane()],
  ])('says nothing of %s', async (_, state) => {
    expect(await compare(state)).toEqual([]);
    expect(asked()).toEqual([]);
  });
});

describe('the trial write of doctor --write-probe', () => {
  const tryIt = (...states: (LaneState | null)[]) => tryOverwriting(registry, reading(...states), images, signal);

  test('writes the manifest that each :latest has already', async () => {
    expect(await tryIt(idle())).toEqual(
      images.map((repository) => ({
        area: 'registry',
        level: 'ok',
        what: `${repository}:latest may be overwritten: its own manifest was written again`,
      })),
    );
    expect(written()).toBe(2);
    expect(await Promise.all(NAMES.map((name) => tagDigest(server.host, name, 'latest')))).toEqual(digests);
  });

  test.each<[string, (state: LaneState) => void, RegExp]>([
    ['the lane is not paused', ({ ledger }) => Object.assign(ledger, { pause: null }), /: the lane is not paused$/],
    [
      'a release holds the lane',
      (state) => Object.assign(state, { holder: { ...releaseRun, sha: '4c1d56e' } }),
      /: canary-release-4c1d56e holds the lane$/,
    ],
    [
      'a rollback is under way',
      (state) => Object.assign(state, { rollback: { ...releaseRun, workflowId: 'rollback-4c1d56e' } }),
      /: rollback-4c1d56e is under way$/,
    ],
    ['a mover is open', (state) => Object.assign(state, { move: { moverRunId: 'm' } }), /: a move is under way$/],
    ['the last move was just now', moved, /less than a minute ago$/],
    [
      ':latest is not where the ledger has it',
      ({ ledger }) => ledger.expectedLatest?.images.splice(0, 1),
      /platform:latest was not tried: :latest is not where the ledger has it$/,
    ],
  ])('writes nothing while %s', async (_, change, why) => {
    expect(await tryIt(idle(change))).toEqual([
      {
        area: 'registry',
        level: 'stops',
        what: expect.stringMatching(why),
        fix: expect.stringMatching(/^canary pause/),
      },
    ]);
    expect(written()).toBe(0);
  });

  test('writes nothing if the lane cannot be read', async () => {
    expect(await tryIt(null)).toMatchObject([
      { level: 'stops', what: expect.stringMatching(/the lane cannot be read$/) },
    ]);
    expect(written()).toBe(0);
  });

  test('stops, and says what may have happened, if a move began meanwhile', async () => {
    const states = [idle(), idle((state) => Object.assign(state, { rollback: { ...releaseRun, sha: '4c1d56e' } }))];
    expect(await tryIt(...states)).toMatchObject([
      { level: 'ok' },
      { level: 'stops', what: expect.stringContaining(`it may be back at ${digests[0]}`) },
    ]);
    expect(written()).toBe(1);
  });

  test('says why a registry does not let the tag be overwritten', async () => {
    const refuse = () => ociError(400, 'TAG_INVALID', "The image tag 'latest' already exists and is immutable.");
    server.faults.add({ match: isPut('platform'), respond: refuse });
    const [first, second] = await tryIt(idle());
    expect(first).toMatchObject({ level: 'stops', fix: expect.stringContaining('immutab') });
    expect(first?.what).toContain(`${images[0]}:latest may not be overwritten: `);
    expect(second).toMatchObject({ level: 'ok' });
  });
});
