import { beforeEach, describe, expect, test } from 'vitest';
import { releaseLaneId } from '../../src/contract/ids.js';
import type { LaneState } from '../../src/contract/lane.js';
import { sameBuild } from '../../src/contract/sha.js';
import { awaitRunEnd } from '../../src/temporal/runs.js';
import { pushBuild } from '../../testbed/images.js';
import { canary as run } from '../support/cli.js';
import { useGate } from '../support/gate.js';
import { fullTest } from '../support/rows.js';
import { newSha } from '../support/shas.js';
import { until } from '../support/until.js';

const gate = useGate('cli-lane');
const OLD = newSha();

const canary = (args: string[], answer?: string, env: Record<string, string> = {}) =>
  run(
    [...args, '--by', 'ada'],
    { CANARY_LANE: 'cli-lane', CANARY_IMAGES: gate().env.CANARY_IMAGES ?? '', ...env },
    answer,
  );
const images = () => gate().repositories.map((name) => `${gate().host}/${name}`);
const lane = () => until('the lane answers', () => gate().laneClient.state());
const latestLines = (digests: (string | undefined)[], built: string) => [
  ...images().map((image, at) => `  ${image}:latest ${digests[at]}`),
  `  ${built}`,
];

describe('canary setup', () => {
  test('setup adopts :latest with its build and without a worker; a second setup adopts nothing', async () => {
    await gate().stopWorker();
    const digests = await gate().publish(OLD);
    await gate().retag(OLD, 'latest');

    const first = await canary(['setup']);
    expect(first).toMatchObject({ code: 0, err: [] });
    expect(first.out.slice(1)).toEqual([
      'schedule cli-lane-check-drift: every 5m, created',
      'cli-lane-release-lane: starts with :latest as it is, adopted by ada',
      ...latestLines(digests, `built from ${OLD}`),
    ]);
    const nothing = [
      'default: all search attributes are registered',
      'schedule cli-lane-check-drift: every 5m, unchanged',
      'cli-lane-release-lane: exists, nothing is adopted (canary lane adopt accepts where :latest is)',
    ];
    expect(await canary(['setup'])).toEqual({ code: 0, out: nothing, err: [] });

    await gate().startWorker();
    const { ledger } = await lane();
    expect(ledger).toMatchObject({ hold: null, newestPromoted: { sha: OLD } });
    expect(ledger.history).toEqual([
      expect.objectContaining({
        kind: 'adopted',
        sha: OLD,
        by: 'ada',
        images: images().map((repository, at) => ({ repository, digest: digests[at] })),
      }),
    ]);
    const { sha } = await gate().greenBuild();
    expect((await awaitRunEnd(await gate().release({ sha }))).report).toMatchObject({ outcome: 'promoted' });

    await gate().client.workflow.getHandle(releaseLaneId(gate().lane)).terminate('the test');
    expect((await canary(['setup'])).out).toEqual(nothing);
  });

  test('a registry that cannot be read leaves the namespace prepared, with the fix in one line and exit 4', async () => {
    const env = { CANARY_LANE: 'cli-lane-unread', CANARY_IMAGES: '127.0.0.1:1/platform,127.0.0.1:1/platform-tenant' };
    const { code, out, err } = await canary(['setup'], undefined, env);
    expect({ code, out, err }).toEqual({
      code: 4,
      out: ['default: all search attributes are registered', 'schedule cli-lane-unread-check-drift: every 5m, created'],
      err: [
        expect.stringMatching(
          /^canary: cli-lane-unread-release-lane: nothing is adopted, so promotions will wait for canary lane adopt: .*127\.0\.0\.1:1/,
        ),
      ],
    });
  });

  test('a command that the lane would refuse silently is a usage error', async () => {
    const env = { CANARY_LANE: 'cli-lane-long', CANARY_IMAGES: gate().env.CANARY_IMAGES ?? '' };
    const { code, err } = await run(['setup', '--by', 'x'.repeat(300)], env);
    expect({ code, err }).toEqual({
      code: 2,
      err: [expect.stringMatching(/^canary: adopt refused: by or reason is too long/)],
    });
  });
});

describe('canary lane, pause and resume', () => {
  beforeEach(() => gate().setLatest(OLD));
  const ledger = async (): Promise<LaneState['ledger']> => (await lane()).ledger;
  const rollBack = async () => {
    const { sha } = await gate().greenBuild();
    await awaitRunEnd(await gate().release({ sha }));
    await awaitRunEnd(await gate().rollback({ sha: OLD, reason: 'search is slow' }));
    return sha;
  };

  test('adopt prints where :latest is and, without a terminal, accepts it', async () => {
    const other = newSha();
    const otherDigests = await gate().publish(other);
    await gate().retag(other, 'latest');
    const { code, out, err } = await canary(['lane', 'adopt', '--reason', 'restored by hand']);
    expect({ code, err }).toEqual({ code: 0, err: latestLines(otherDigests, `built from ${other}`) });
    expect(out[0]).toMatch(/^adopted: /);
    expect((await ledger()).history.at(-1)).toMatchObject({
      kind: 'adopted',
      sha: other,
      by: 'ada',
      reason: 'restored by hand',
    });
    expect((await ledger()).expectedLatest?.images.map(({ digest }) => digest)).toEqual(otherDigests);
  });

  test.each([
    ['n', [], 1, 0],
    ['', [], 1, 0],
    ['y', [], 0, 1],
    ['n', ['-y'], 0, 1],
  ])('adopt on a terminal, answered %j with %j, ends with %i', async (answer, more, code, adopted) => {
    const before = (await ledger()).history.length;
    const end = await canary(['lane', 'adopt', '--reason', 'as it should be', ...more], answer);
    expect(end.code).toBe(code);
    expect((await ledger()).history.length - before).toBe(adopted);
  });

  test('adopt gives up an unread copy of the ledger only if that is asked for', async () => {
    const printed = async (more: string[]) =>
      JSON.parse((await canary(['lane', 'adopt', '--reason', 'its key is lost', '--json', ...more])).out[0] ?? '');
    expect(await printed(['--without-copy'])).toMatchObject({ taken: true, withoutCopy: true });
    expect(await printed([])).not.toHaveProperty('withoutCopy');
  });

  test('adopt of images of different builds records no build', async () => {
    for (const repository of gate().repositories)
      await pushBuild({ registry: gate().host, repository, tag: 'latest', sha: newSha() });
    const { code, err } = await canary(['lane', 'adopt', '--reason', 'good enough for now']);
    expect({ code, err }).toEqual({
      code: 0,
      err: latestLines(await gate().latest(), 'the images report different builds, or none'),
    });
    expect((await ledger()).history.at(-1)).toMatchObject({ kind: 'adopted', sha: null });
  });

  fullTest('unhold turns automatic promotion on again after a rollback, adopt does not', async () => {
    await rollBack();
    await canary(['lane', 'adopt', '--reason', 'as it should be']);
    expect((await ledger()).hold).toMatchObject({ name: 'after-rollback' });
    const { code, out } = await canary(['lane', 'unhold', '--reason', 'the fix is merged', '-o', 'json']);
    expect({ code, printed: JSON.parse(out[0] ?? '') }).toEqual({
      code: 0,
      printed: {
        taken: true,
        answer: 'no longer on hold for after-rollback',
        lane: 'cli-lane-release-lane',
        verb: 'unhold',
        by: 'ada',
        reason: 'the fix is merged',
      },
    });
    expect((await ledger()).hold).toBeNull();
  });

  fullTest('unbad lets a build be released again that was rolled back from', async () => {
    const bad = await rollBack();
    const badNow = async () => (await ledger()).knownBad.some(({ sha }) => sameBuild(sha, bad));
    expect(await badNow()).toBe(true);
    expect((await canary(['lane', 'unbad', bad, '--reason', 'it was the database'])).out).toEqual([
      `${bad} is no longer marked known-bad`,
    ]);
    expect(await badNow()).toBe(false);
  });

  test('drop takes the lane from a build', async () => {
    const sha = newSha();
    await gate().publish(sha);
    const release = await gate().release({ sha });
    await until('it holds the lane', async () => (await lane()).holder?.sha === sha);
    expect((await canary(['lane', 'drop', sha, '--reason', 'its task fails'])).out).toEqual([
      `${sha} no longer holds the lane`,
    ]);
    expect((await lane()).holder?.sha).not.toBe(sha);
    await release.terminate('the test');
  });

  fullTest('pause and resume record until when, by whom and why', async () => {
    const { out } = await canary([
      'pause',
      '--until',
      '2099-01-01T09:00:00+01:00',
      '--reason',
      'no promotions overnight',
    ]);
    expect(out).toEqual(['paused until 2099-01-01T08:00:00.000Z']);
    expect((await ledger()).pause).toMatchObject({
      by: 'ada',
      why: 'no promotions overnight',
      until: '2099-01-01T08:00:00.000Z',
    });
    expect((await canary(['resume', '--reason', 'the night is over'])).out).toEqual(['resumed']);
    expect((await ledger()).pause).toBeNull();
    expect((await canary(['pause', '--reason', 'a fair'])).out).toEqual(['paused until canary resume']);
    await canary(['resume', '--reason', 'it is over']);
  });

  fullTest('a running release waits before it promotes while the lane is paused, until resume', async () => {
    const { sha, digests } = await gate().greenBuild();
    await canary(['pause', '--reason', 'a fair']);
    const release = await gate().release({ sha });
    await until('it is paused', async () => (await gate().phase(release)) === 'held');
    expect(await gate().latest()).not.toEqual(digests);
    await canary(['resume', '--reason', 'it is over']);
    expect((await awaitRunEnd(release)).report).toMatchObject({ outcome: 'promoted' });
    expect(await gate().latest()).toEqual(digests);
  });

  test('a refusal of the lane exits 1 with its message, also as JSON', async () => {
    const { code, out, err } = await canary(['pause', '--reason', 'x'.repeat(3_000), '--json']);
    const answer = expect.stringMatching(/^pause refused: /);
    expect({ code, printed: JSON.parse(out[0] ?? '') }).toMatchObject({ code: 1, printed: { taken: false, answer } });
    expect(err).toEqual([expect.stringMatching(/^canary: pause refused: /)]);
  });
});

describe('a lane command without a worker', () => {
  const unhold = (env = {}) => canary(['lane', 'unhold', '--reason', 'x'], undefined, env);

  test('that never polled exits 4 with the fix', async () => {
    expect(await unhold({ CANARY_LANE: 'cli-lane-no-worker' })).toEqual({
      code: 4,
      out: [],
      err: [
        'canary: no worker polls cli-lane-no-worker-canary-release, so cli-lane-no-worker-release-lane cannot answer: canary worker',
      ],
    });
  });

  fullTest('that has stopped exits 4 within seconds', async () => {
    await gate().stopWorker();
    const began = performance.now();
    const { code, err } = await unhold();
    await gate().startWorker();
    expect({ code, err }).toEqual({
      code: 4,
      err: [expect.stringMatching(/^canary: the lane does not answer: .*canary worker/)],
    });
    expect(performance.now() - began).toBeLessThan(15_000);
  });
});

describe('usage errors exit 2 with one line, before any request', () => {
  test.each([
    [['lane', 'adapt'], 'canary: invalid lane command "adapt": expected adopt, unhold, drop, unbad, sequence or renew'],
    [['lane'], "canary: missing required argument 'command' (canary lane --help)"],
    [['lane', 'drop'], 'canary: sha is missing: expected 7 to 40 lower-case hex digits, e.g. 4c1d56e'],
    [
      ['lane', 'renew', '--without-copy', '--reason', 'x'],
      'canary: --without-copy is an option of lane adopt, not of lane "renew"',
    ],
    [['lane', 'adopt', '4c1d56e'], 'canary: lane adopt takes no sha, got "4c1d56e"'],
    [
      ['lane', 'unhold', '--by', 'x'],
      'canary: --reason is missing: give the reason in a few words; it is kept with the run',
    ],
    [
      ['pause', '--until', 'tomorrow'],
      expect.stringMatching(/^canary: invalid time "tomorrow": expected 08:00Z or 20\d\d-\d\d-\d\dT08:00:00Z$/),
    ],
    [
      ['pause', '--until', '2020-01-01T00:00Z'],
      expect.stringMatching(/^canary: time "2020-01-01T00:00Z" is in the past: it is \d{4}-/),
    ],
  ])('%j', async (args, line) => {
    const end = await run(args, { TEMPORAL_ADDRESS: '127.0.0.1:1' });
    expect(end).toEqual({ code: 2, out: [], err: [line] });
  });
});
