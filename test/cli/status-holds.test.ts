import { describe, expect, test } from 'vitest';
import { queueLines } from '../../src/cli/print/lane.js';
import { overviewLines, runStatusLines } from '../../src/cli/print/status.js';
import { HOLDS, type HoldName } from '../../src/contract/hold.js';
import { parseDigest, parseRepository } from '../../src/contract/image.js';
import type { ReleaseStatus } from '../../src/contract/release.js';
import { parseSha } from '../../src/contract/sha.js';
import { decisionsNow } from '../../src/domain/decide.js';
import { emptyLane } from '../../src/lane/state.js';
import { laneView } from '../../src/lane/view.js';
import type { Overview } from '../../src/temporal/overview.js';

const SHA = '4c1d56e';
const ID = `canary-release-${SHA}`;
const NOW = Date.parse('2026-11-25T04:10:00.000Z');
const since = '2026-11-25T04:09:55.000Z';
const until = '2026-11-25T05:10:00.000Z';
const names = Object.keys(HOLDS) as HoldName[];

/** The status of a release that is held for `name`, as the workflow answers it. */
function heldFor(name: HoldName): ReleaseStatus {
  const { phase } = HOLDS[name];
  const hold = { id: 'h1-abc', name, why: 'WHY', since, until };
  return {
    sha: SHA,
    phase,
    since,
    why: `${name}: WHY`,
    phases: [],
    until,
    commands: decisionsNow({ phase, hold, decided: null, moving: false }),
    images: [],
    builds: [],
    tenants: [],
    hold,
    decided: null,
    moving: false,
    decisions: [],
    refusals: [],
  };
}

function overviewOf(state: ReleaseStatus): Overview {
  const run = {
    workflowId: ID,
    sha: SHA,
    status: 'RUNNING',
    phase: state.phase,
    outcome: null,
    waitingFor: state.hold?.name ?? null,
    started: since,
    closed: null,
    state,
  };
  return {
    lane: 'none',
    live: null,
    back: null,
    alarm: null,
    clocks: [],
    running: [run],
    troubles: [],
    ended: [],
    unlisted: null,
    workers: [],
  };
}

/** The command of each decision that applies to a hold, by the table of holds. */
function commandsOf(name: HoldName): string[] {
  const { approve, retry } = HOLDS[name];
  return Object.entries({ approve, retry, abort: 'the release ends' })
    .filter(([, effect]) => effect !== null)
    .map(([verb, effect]) => `canary ${verb} ${SHA} --reason …   ${effect}`);
}

describe('canary status', () => {
  test.each(names)('prints each decision that applies to the hold %s once', (name) => {
    const state = heldFor(name);
    const out = overviewLines(overviewOf(state), NOW);
    const from = out.indexOf(`HELD     ${ID} ${state.phase}, 1h 0m left: ${name}: WHY`);
    const commands = commandsOf(name).map((command) => `         ${command}`);
    expect(out.slice(from, from + 1 + commands.length)).toEqual([out[from], ...commands]);
    for (const verb of ['approve', 'retry', 'abort'])
      expect(out.filter((line) => new RegExp(`\\b${verb}[: ]`).test(line))).toHaveLength(
        commands.filter((command) => command.includes(` ${verb} `)).length,
      );
  });
});

test('canary status prints as much of a digest as a person compares', () => {
  const repository = parseRepository('ghcr.io/acme/platform');
  const digest = parseDigest(`sha256:${'0123456789abcdef'.repeat(4)}`);
  const state = { ...heldFor('approval'), images: [{ repository, digest, latest: null }] };
  const live = { sha: SHA, since, how: 'promoted', by: null, images: [{ repository, digest }] };
  const lines = [...overviewLines({ ...overviewOf(state), live }, NOW), ...runStatusLines(ID, state, NOW)];
  expect(lines.filter((line) => line.includes('sha256:'))).toEqual([
    '         ghcr.io/acme/platform sha256:0123456789ab',
    '  ghcr.io/acme/platform sha256:0123456789ab',
  ]);
});

test('a holder that is stuck is shown once, with its fix first, and then how to drop it', () => {
  const holder = { workflowId: ID, runId: 'r', sha: parseSha(SHA), fencingToken: 1, since };
  const stuck = { workflowId: ID, what: 'is stuck', fix: 'FIX', otherwise: 'DROP' };
  const view = { ...laneView(emptyLane(), NOW), unserved: false };
  const lane = { ...view, holder: { ...holder, phase: null, until: null, stuck } };
  const lines = [`STOPPED  ${ID} is stuck`, '         FIX', '         if that does not help: DROP'];
  expect(queueLines(lane, NOW).slice(0, 3)).toEqual(lines);
  const out = overviewLines({ ...overviewOf(heldFor('approval')), lane, troubles: [stuck] }, NOW);
  expect(out.filter((line) => /STOPPED|FIX|DROP/.test(line))).toEqual(lines);
});

describe('canary status of one release', () => {
  test.each(names)('prints each decision that applies to the hold %s once', (name) => {
    const state = heldFor(name);
    expect(runStatusLines(ID, state, NOW)).toEqual([
      `${ID} ${state.phase} for 5s, 1h 0m left: ${name}: WHY`,
      `  hold h1-abc, until ${until}`,
      ...commandsOf(name).map((command) => `  ${command}`),
    ]);
  });

  test('prints abort alone while nothing waits for a decision, and nothing while it moves', () => {
    const soaking = { ...heldFor('approval'), phase: 'soaking', hold: null, until: null, why: 'soaking' } as const;
    const lines = (moving: boolean) =>
      runStatusLines(
        ID,
        { ...soaking, moving, commands: decisionsNow({ phase: 'soaking', hold: null, decided: null, moving }) },
        NOW,
      );
    expect(lines(false)).toEqual([
      `${ID} soaking for 5s: soaking`,
      `  canary abort ${SHA} --reason …   the release ends`,
    ]);
    expect(lines(true)).toEqual([`${ID} soaking for 5s: soaking`]);
  });
});

describe('canary status of images', () => {
  const images = ['registry.example/platform', 'registry.example/extra'].map(parseRepository);
  const live = { sha: parseSha(SHA), at: since, kind: 'promotion' as const, by: 'ada', reason: 'green' };
  const lane = { ...laneView(emptyLane(), NOW), holder: null, unserved: false };
  const seen = (more: object) => ({ ...overviewOf(heldFor('approval')), lane: { ...lane, ...more } });
  const withLive = seen({ live: { ...live, images: images.map((repository) => ({ repository, digest: null })) } });

  test('names each image of the live build that the environment lacks, if that names any', () => {
    const said = `         CANARY_IMAGES lacks ${images[1]}: a rollback would leave it on this build`;
    expect(overviewLines(withLive, NOW, images.slice(0, 1))).toContain(said);
    for (const configured of [images, null])
      expect(overviewLines(withLive, NOW, configured).join()).not.toContain('lacks');
  });

  test('names an image that a rollback left on another build', () => {
    expect(overviewLines(seen({ left: ['extra is elsewhere'] }), NOW)).toContain('LEFT     extra is elsewhere');
  });
});
