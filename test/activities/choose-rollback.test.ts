import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MockActivityEnvironment } from '@temporalio/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createLaneActivities } from '../../activities/lane/calls.js';
import { createWatchActivities } from '../../activities/watch-production.js';
import { loadConfig } from '../../src/config/load.js';
import type { Config } from '../../src/config/schema.js';
import { type Digest, parseRepository, stagingTag } from '../../src/contract/image.js';
import type { LaneState } from '../../src/contract/lane.js';
import type { TagState } from '../../src/contract/move.js';
import { parseSha, type Sha } from '../../src/contract/sha.js';
import { record } from '../../src/lane/ledger.js';
import { emptyLane } from '../../src/lane/state.js';
import { pushBuild, retag, tagDigest } from '../../testbed/images.js';
import { openRegistry } from '../support/open-registry.js';
import { newSha } from '../support/shas.js';

const MOVED_AT = '2026-11-29T12:00:00.000Z';
const [good, red] = [parseSha(newSha()), parseSha(newSha())];
const { server: images, registry } = await openRegistry();
const repository = `${images.host}/platform`;
const folder = mkdtempSync(join(tmpdir(), 'canary-choose-'));
const file = join(folder, 'production.json');
writeFileSync(file, JSON.stringify({ tenants: [{ name: 'acme', url: 'https://acme.example.com' }] }));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const state: LaneState = emptyLane();
let config: Config;
beforeAll(async () => {
  config = await loadConfig({ CANARY_IMAGES: repository, CANARY_PROD_FLEET_FILE: file, CANARY_AUTO_ROLLBACK: '1' });
  await move(good, '2026-11-29T11:00:00.000Z');
  await move(red, MOVED_AT);
});

async function move(sha: Sha, at: string): Promise<void> {
  const spec = { registry: images.host, repository: 'platform' };
  await pushBuild({ ...spec, tag: stagingTag(sha), sha });
  const digest = (await retag({ ...spec, from: stagingTag(sha), to: 'latest' })) as Digest;
  const moved = [{ repository: parseRepository(repository), digest }];
  record(state.ledger, { sha, at, kind: 'promotion', by: 'ada', reason: 'x', images: moved });
}

const OTHER_MOVE: LaneState['move'] = {
  moverRunId: 'm',
  parent: { workflowId: 'w', runId: 'r' },
  kind: 'promotion',
  sha: parseSha(newSha()),
};

/** Lane that answers while it runs; one that is `silent` runs and never answers. `moves`: answers in which another build is being moved. */
function laneOf(given: 'running' | 'ended' | 'silent', moves = 0) {
  let left = moves;
  let now = given;
  const begun: string[] = [];
  return {
    begun,
    state: async () => {
      if (now !== 'running') return null;
      left -= 1;
      return left >= 0 ? { ...state, move: OTHER_MOVE } : state;
    },
    begin: async () => {
      if (now !== 'ended') return;
      begun.push('begun');
      now = 'running';
    },
  };
}

function choose(lane: ReturnType<typeof laneOf>, more: Partial<Config> = {}) {
  const { chooseRollback } = createWatchActivities({
    config: { ...config, ...more },
    registry,
    lane,
    suite: null,
    client: null,
    stopping: new AbortController().signal,
    waits: { surpriseMs: 20, silenceMs: 1_200 },
  } as never);
  return new MockActivityEnvironment().run(chooseRollback, { sha: red, movedAt: MOVED_AT });
}

describe('the choice of an automatic rollback', () => {
  test('a lane that answers names the target, and is not started', async () => {
    const lane = laneOf('running');
    expect(await choose(lane)).toEqual({ target: good });
    expect(lane.begun).toEqual([]);
  });

  test('a lane that was ended is started again, and then names the target', async () => {
    const lane = laneOf('ended');
    expect(await choose(lane)).toEqual({ target: good });
    expect(lane.begun).toEqual(['begun']);
  });

  test('a lane that stays silent is left to a person, who hears how long it was', async () => {
    const lane = laneOf('silent');
    expect(await choose(lane)).toEqual({ ask: 'the lane did not answer for 1s' });
    expect(lane.begun).toEqual([]);
  });

  test('another move that ends without a promotion is awaited', async () => {
    expect(await choose(laneOf('running', 1))).toEqual({ target: good });
  });

  test('another move that lasts is left to a person', async () => {
    expect(await choose(laneOf('running', 99))).toEqual({ ask: 'another move is under way' });
  });

  test.each(['off', 'propose'] as const)('is left to a person once the policy is %s', async (autoRollback) => {
    expect(await choose(laneOf('running'), { autoRollback })).toEqual({
      ask: `CANARY_AUTO_ROLLBACK is ${autoRollback} by now`,
    });
  });
});

describe('the announcement of an automatic rollback', () => {
  /** Announces it to a lane that takes it; returns what the lane was sent. */
  async function announce(onlyFrom?: Sha) {
    const sent: unknown[] = [];
    const lane = {
      ...laneOf('running'),
      update: async (_update: unknown, request: unknown) => void sent.push(request),
    };
    const waits = { surpriseMs: 20 };
    const { announceRollback } = createLaneActivities({ config, registry, lane, waits } as never);
    const request = { sha: good, force: false, by: 'ada', reason: 'x', images: [], ...(onlyFrom && { onlyFrom }) };
    await new MockActivityEnvironment().run(announceRollback, request);
    return sent;
  }

  test('is made while :latest is where the last move left it', async () => {
    expect(await announce(red)).toMatchObject([{ onlyFrom: red }]);
  });

  test('is not made once a person has moved :latest; that of a person is', async () => {
    const spec = { registry: images.host, repository: 'platform' };
    const expected = [
      { repository: parseRepository(repository), digest: await tagDigest(images.host, 'platform', 'latest') },
    ];
    state.ledger.expectedLatest = { images: expected as TagState[], at: 0 };
    await retag({ ...spec, from: stagingTag(good), to: 'latest' });
    await expect(announce(red)).rejects.toMatchObject({
      refusal: 'latest-moved',
      message: expect.stringContaining('the last move left it elsewhere'),
    });
    expect(await announce()).toHaveLength(1);
    await retag({ ...spec, from: stagingTag(red), to: 'latest' });
    expect(await announce(red)).toHaveLength(1);
  });
});
