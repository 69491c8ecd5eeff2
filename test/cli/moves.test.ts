import { beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { pushBuild } from '../../testbed/images.js';
import { canary as run } from '../support/cli.js';
import { useCountedGate } from '../support/counted-gate.js';
import { useGate } from '../support/gate.js';
import { delayRequests, isTagRead } from '../support/phases.js';
import { fullTest } from '../support/rows.js';
import { newSha } from '../support/shas.js';
import { until } from '../support/until.js';

const gate = useGate('cli-moves');
const OLD = newSha();
let old: string[];
beforeAll(async () => {
  old = await gate().begin(OLD);
});
beforeEach(() => gate().setLatest(OLD));

const NO_SERVER = '127.0.0.1:1';
const canary = (args: string[], env: Record<string, string> = {}) =>
  run(args, { CANARY_LANE: 'cli-moves', CANARY_IMAGES: gate().env.CANARY_IMAGES ?? '', ...env });
const images = () => gate().repositories.map((name) => `${gate().host}/${name}`);

describe('--dry-run', () => {
  test.each(['release', 'promote', 'rollback'])(
    'of %s checks, prints what would move, moves nothing, and needs no reason and no Temporal',
    async (command) => {
      const sha = newSha();
      const digests = await gate().publish(sha);
      const { code, out } = await canary([command, sha, '--dry-run'], { TEMPORAL_ADDRESS: NO_SERVER });
      const isChange = (line: string) => / to pull(,|;|$)/.test(line);
      expect(out.filter(isChange).map((line) => line.split(': ', 1)[0])).toEqual(
        command === 'rollback' ? [] : images(),
      );
      expect({ code, out: out.filter((line) => !isChange(line)) }).toEqual({
        code: 0,
        out: [
          ...images().map((image, at) => `${image}:latest would move from ${old[at]} to ${digests[at]}`),
          'dry run: nothing was moved, and whether :latest may be overwritten was not tried',
        ],
      });
      expect(await gate().latest()).toEqual(old);
    },
  );

  test('of a build that one image lacks names the image, with 4', async () => {
    const sha = newSha();
    const [repository = ''] = gate().repositories;
    await pushBuild({ registry: gate().host, repository, tag: `staging-${sha.slice(0, 7)}`, sha });
    const { code, err } = await canary(['promote', sha, '--dry-run']);
    expect({ code, err }).toEqual({ code: 4, err: [expect.stringMatching(/^canary: dry run: .*platform-tenant/)] });
  });

  test('reports an image that was built from another commit, also as JSON', async () => {
    const [sha, other] = [newSha(), newSha()];
    await gate().publish(other, { tag: `staging-${sha.slice(0, 7)}` });
    const { out } = await canary(['release', sha, '--dry-run', '--json']);
    expect(JSON.parse(out[0] ?? '')).toMatchObject({
      dryRun: true,
      doubts: images().map((image) => `${image} says that it was built from ${other}, not from ${sha}`),
    });
  });
});

describe('rollback --direct', () => {
  const direct = (sha: string, env: Record<string, string>, ...more: string[]) =>
    canary(['rollback', sha, '--direct', '--reason', 'Temporal is down', '--by', 'ada', ...more], env);

  fullTest(
    'moves both images while Temporal is down, and prints a record of it; the plain rollback then finds already',
    async () => {
      const bad = newSha();
      await gate().begin(bad);
      const { code, out } = await direct(OLD, { TEMPORAL_ADDRESS: NO_SERVER });
      expect(code).toBe(0);
      expect(out).toHaveLength(1);
      expect(JSON.parse(out[0] ?? '')).toMatchObject({
        event: 'latest.moved',
        direct: true,
        outcome: 'rolled-back',
        sha: OLD,
        by: 'ada',
        reason: 'Temporal is down',
        images: old.map((digest) => ({ digest, latest: digest })),
      });
      expect(await gate().latest()).toEqual(old);

      const plain = await canary(['rollback', OLD, '--reason', 'Temporal is back', '--json']);
      expect(plain.code).toBe(0);
      expect(JSON.parse(plain.out[0] ?? '')).toMatchObject({ outcome: 'already' });
    },
  );

  test('is refused while a worker polls, unless it is forced', async () => {
    const bad = await gate().begin(newSha());
    const { code, err } = await direct(OLD, {});
    expect({ code, err }).toEqual({
      code: 1,
      err: [
        expect.stringMatching(/^canary: --direct refused: .* polls cli-moves-canary-release, so canary rollback works/),
      ],
    });
    expect(await gate().latest()).toEqual(bad);
    expect((await direct(OLD, {}, '--force')).code).toBe(0);
    expect(await gate().latest()).toEqual(old);
  });

  test('to an incomplete build moves nothing, with 4', async () => {
    const { code, err } = await direct(newSha(), { TEMPORAL_ADDRESS: NO_SERVER });
    expect([code, err.at(-1)]).toEqual([4, expect.stringMatching(/^canary: nothing was moved: .*staging-/)]);
    expect(await gate().latest()).toEqual(old);
  });
});

describe('a release that is running', () => {
  fullTest('is attached to with the same input from any caller, and refuses other input with 2', async () => {
    const sha = newSha();
    const digests = await gate().publish(sha);
    const first = canary(['release', sha, '--wait', '--by', 'ada']);
    await until('it runs', async () => (await gate().phaseOf(sha)) === 'awaiting-canary');
    const second = canary(['release', sha, '--wait', '--by', 'bob']);
    const other = await canary(['release', sha, '--soak', '10m']);
    expect(other).toMatchObject({
      code: 2,
      err: [
        expect.stringMatching(
          /is already running with other input: .*"requestedBy":"ada".*; wait for its end: .*; or end it: canary abort /,
        ),
      ],
    });
    gate().deploy({ sha });
    expect([(await first).code, (await second).code]).toEqual([0, 0]);
    expect((await second).err[0]).toContain('is already running: attached');
    expect(await gate().latest()).toEqual(digests);
  });

  fullTest(
    '20 concurrent starts are one run',
    async () => {
      const sha = newSha();
      await gate().publish(sha);
      gate().deploy({ sha });
      const ends = await Promise.all(Array.from({ length: 20 }, () => canary(['release', sha, '--wait', '--json'])));
      expect(ends.map(({ code }) => code)).toEqual(Array(20).fill(0));
      expect(ends.filter(({ err }) => err[0]?.includes('is started')).length).toBeGreaterThanOrEqual(1);
      expect(new Set(ends.map(({ out }) => out[0])).size).toBeLessThanOrEqual(2);
    },
    90_000,
  );
});

describe('a rollback that is running', async () => {
  const { registry, gate: counted, old: target } = await useCountedGate('cli-moves-back');

  fullTest('is attached to from any caller', async () => {
    const digests = await counted().latest();
    await counted().begin(newSha());
    const { reached, release } = delayRequests({ gate: counted(), registry }, isTagRead(target));
    const rollback = (...more: string[]) => run(['rollback', target, ...more], { CANARY_LANE: counted().lane });
    const first = rollback('--reason', 'search is slow', '--by', 'ada');
    await until('it runs', reached);
    const second = rollback('--reason', 'search is slow', '--by', 'bob');
    release();
    expect([(await first).code, (await second).code]).toEqual([0, 0]);
    expect((await second).err[0]).toContain('is already running: attached');
    expect(await counted().latest()).toEqual(digests);
  });
});

describe('an error', () => {
  test('is one line; --debug shows where it came from', async () => {
    const args = ['status', '-o', 'xml'];
    expect((await canary(args)).err).toEqual(['canary: invalid --output "xml": expected text or json']);
    const { err } = await canary(['--debug', ...args]);
    expect(err[0]).toBe('canary: invalid --output "xml": expected text or json');
    expect(err[1]).toMatch(/^InvalidInput: /);
    expect(err[2]).toMatch(/^\s+at /);
  });
});

describe('a reason', () => {
  test('is asked for on a terminal, and recorded', async () => {
    const { code, err } = await run(['rollback', OLD], { CANARY_LANE: 'cli-moves' }, ' search is slow ');
    expect({ code, err }).toMatchObject({ code: 0 });
    const { out } = await canary(['status', OLD, '--json']);
    expect(JSON.parse(out[0] ?? '')).toMatchObject({ reason: 'search is slow' });
  });

  test.each([['promote', OLD], ['rollback', OLD], ['pause'], ['resume'], ['lane', 'unhold'], ['lane', 'adopt']])(
    'is not asked for with --yes: without --reason %s %s is a usage error',
    async (...args) => {
      const asked: string[] = [];
      const { code, err } = await run([...args, '--yes'], { TEMPORAL_ADDRESS: NO_SERVER }, async (_shown, question) => {
        asked.push(question);
        return 'y';
      });
      expect({ code, asked, err }).toEqual({
        code: 2,
        asked: [],
        err: ['canary: --reason is missing: give the reason in a few words; it is kept with the run'],
      });
    },
  );
});

describe('--yes', () => {
  test.each(['promote', 'rollback'])('changes nothing for %s with a sha and a reason', async (command) => {
    const sha = newSha();
    const digests = await gate().publish(sha);
    const asked: string[] = [];
    const force = command === 'rollback' ? ['--force'] : [];
    const args = [command, sha, '-y', '--reason', 'checked by hand', ...force];
    const { code, err } = await run(args, { CANARY_LANE: 'cli-moves' }, async (_shown, question) => {
      asked.push(question);
      return '';
    });
    expect({ code, asked, err }).toMatchObject({ code: 0, asked: [] });
    expect(await gate().latest()).toEqual(digests);
  });
});
