import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { runStatusLines } from '../../src/cli/print/status.js';
import type { ReleaseStatus } from '../../src/contract/release.js';
import { parseSha } from '../../src/contract/sha.js';
import { rounded } from '../../src/domain/duration.js';
import { alarmSince, previousGoodBuild } from '../../src/temporal/overview.js';
import { awaitRunEnd } from '../../src/temporal/runs.js';
import { canary as run } from '../support/cli.js';
import { ada, heldFor, say } from '../support/decisions.js';
import { useGate } from '../support/gate.js';
import { newSha } from '../support/shas.js';

const gate = useGate('cli-status', () => ({ env: { CANARY_HOLD_TIMEOUT: '10m' } }));
const canary = (args: string[]) => run(args, { CANARY_LANE: 'cli-status' });

describe('canary status', () => {
  const [first, second, third] = [newSha(), newSha(), newSha()];
  let held: Awaited<ReturnType<ReturnType<typeof gate>['release']>>;
  beforeAll(async () => {
    await gate().begin(newSha());
    for (const sha of [first, second]) {
      await gate().publish(sha);
      gate().deploy({ sha });
      await awaitRunEnd(await gate().release({ sha, requestedBy: 'ada' }));
    }
    await gate().publish(third);
    gate().deploy({ sha: third });
    held = await gate().release({ sha: third, approval: 'required' });
    await heldFor(gate(), held, 'approval');
  });
  afterAll(async () => {
    await gate().startWorker();
    await say(held, 'abort', ada);
    await awaitRunEnd(held);
  });

  test('prints what waits for people, the decisions that apply, what is live, and the rollback command', async () => {
    const { code, out } = await canary(['status']);
    expect(code).toBe(0);
    expect(out[0]).toMatch(
      new RegExp(
        `^HELD     cli-status-canary-release-${third.slice(0, 7)} awaiting-approval, (9m|10m)[ 0-9s]* left: approval: approval is required$`,
      ),
    );
    expect(out.slice(1, 3)).toEqual([
      `         canary approve ${third} --reason …   promote`,
      `         canary abort ${third} --reason …   the release ends`,
    ]);
    expect(out[3]).toBe('lane     automatic ON');
    expect(out[4]).toMatch(new RegExp(`^holder   ${third} since .* UTC \\(\\d+s\\): awaiting-approval$`));
    expect(out[5]).toMatch(new RegExp(`^live     ${second} for \\d+s: promoted, by ada$`));
    expect(out[8]).toBe(`         back: canary rollback ${first} --reason …`);
    expect(out[9]).toMatch(/^workers {2}cli-status-canary-release: \d+@/);
  });

  test('of one release counts what passed on a tenant, and names what did not', async () => {
    const { out } = await canary(['status', third]);
    expect(out).toContain('  canary-1 passed 6 of 6 checks');
    const state = JSON.parse((await canary(['status', third, '--json'])).out[0] ?? '') as ReleaseStatus;
    const check = state.tenants[0]?.checks[1];
    if (check) Object.assign(check, { verdict: 'fail', expected: 'status 200', got: 'status 500: out of\nmemory' });
    expect(runStatusLines('run', state, 0).filter((line) => line.includes('canary-1'))).toEqual([
      `  canary-1 runs ${third.slice(0, 7)}`,
      '  canary-1 passed 5 of 6 checks',
      `  canary-1 fail: ${check?.check}`,
    ]);
    expect(runStatusLines('run', state, 0).filter((line) => line.startsWith('    '))).toEqual([
      '    expected status 200',
      '    got      status 500: out of memory',
    ]);
  });

  test('prints within two seconds that no worker polls, and what is known anyway', async () => {
    await gate().stopWorker();
    const began = Date.now();
    const { out } = await canary(['status']);
    expect(Date.now() - began).toBeLessThan(2_500);
    expect(out.find((line) => line.startsWith('HELD'))).toBe(
      `HELD     cli-status-canary-release-${third.slice(0, 7)} awaiting-approval, waits for approval (no worker answers)`,
    );
    expect(out.some((line) => line.startsWith(`live     ${second}`))).toBe(true);
  });
});

describe('the previous good build', () => {
  const ran = (sha: string, outcome = 'promoted') => ({ sha, outcome });

  test.each<[what: string, runs: ReturnType<typeof ran>[], target: string | null]>([
    ['is the one that was live before', [ran('c'), ran('b'), ran('a')], 'b'],
    ['is null without an earlier promotion', [ran('a')], null],
    ['is not the live build, promoted twice', [ran('b', 'already'), ran('b'), ran('a')], 'a'],
    ['is not a build that was rolled back', [ran('b', 'rolled-back'), ran('c'), ran('b'), ran('a')], 'a'],
    ['is not named if several builds were rolled back', [ran('a', 'rolled-back'), ran('c'), ran('b'), ran('a')], null],
    ['skips a rolled-back build after a later promotion', [ran('d'), ran('b', 'rolled-back'), ran('c'), ran('b')], 'b'],
  ])('%s', (_what, runs, target) => {
    expect(previousGoodBuild(runs)).toBe(target);
  });
});

describe('the alarm of a failed move', () => {
  const closed = '2026-11-30T10:00:00.500Z';
  test.each([
    ['ends with a later move or adoption', '2026-11-30T10:00:00.501Z', '4c1d56e', null],
    ['stays while the newest entry is from before it', '2026-11-30T10:00:00.499Z', '4c1d56e', { closed }],
    ['stays after an adoption of images on different builds', '2026-11-30T10:00:00.501Z', null, { closed }],
  ])('%s', (_, at, sha, left) => {
    expect(alarmSince({ closed }, { at, sha: sha === null ? null : parseSha(sha) })).toEqual(left);
  });
});

describe('a duration', () => {
  test.each([
    [999, '1s'],
    [61_000, '1m 1s'],
    [120_000, '2m'],
    [3_660_000, '1h 1m'],
    [72 * 3_600_000, '3d 0h'],
  ])('of %i ms is printed as %s', (ms, text) => {
    expect(rounded(ms)).toBe(text);
  });
});
