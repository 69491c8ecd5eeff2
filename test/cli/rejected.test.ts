import { beforeAll, expect, test } from 'vitest';
import { awaitRunEnd } from '../../src/temporal/runs.js';
import { canary as run } from '../support/cli.js';
import { logged, useGate } from '../support/gate.js';
import { laneState, promoted } from '../support/lanes.js';
import { fullDescribe } from '../support/rows.js';
import { newSha } from '../support/shas.js';
import { until } from '../support/until.js';

const LANE = 'cli-rejected';
const gate = useGate(LANE);
const canary = (...args: string[]) => run(args, { CANARY_LANE: LANE, CANARY_IMAGES: gate().env.CANARY_IMAGES ?? '' });
const why = ['--reason', 'hotfix', '--by', 'ada'];
const CHECK = 'canary-1: memory search finds the probe';
const byHand = { promoteOnly: true, requestedBy: 'ada', reason: 'hotfix' };
const alarms = (name: string) => logged.filter(({ message, meta }) => message === 'alarm' && meta?.alarm === name);
const laneIsFree = () => until('the lane is free', async () => (await laneState(gate())).holder === null);

/** Releases a build that fails on every canary tenant; the run id of its release. */
async function reject(sha: string, more: object = {}): Promise<string> {
  gate().deploy({ sha, misbehave: 'memory-search' });
  const handle = await gate().release({ sha, ...more });
  expect((await awaitRunEnd(handle)).report).toMatchObject({ outcome: 'CanaryRejected', verdict: 'RED' });
  await laneIsFree();
  return handle.firstExecutionRunId;
}

fullDescribe('a build that canary rejected', () => {
  const sha = newSha();
  let live: { sha: string; digests: string[] };
  let digests: string[];
  let runId: string;
  beforeAll(async () => {
    await gate().begin(newSha());
    live = await promoted(gate());
    digests = await gate().publish(sha);
    runId = await reject(sha);
  });

  test('is promoted by hand only with force: the dry run says so, and the refusal names checks, run and command', async () => {
    const dry = await canary('promote', sha, '--dry-run');
    const force = `canary promote ${sha} --force --reason …`;
    const rejected = new RegExp(`REJECTED BY CANARY on .*, run ${runId}: ${CHECK}`);
    expect([dry.code, dry.out.slice(-3)]).toEqual([
      1,
      [
        expect.stringMatching(rejected),
        force,
        'dry run: nothing was moved, and whether :latest may be overwritten was not tried',
      ],
    ]);
    const { code, out, err } = await canary('promote', sha, ...why);
    expect([code, out[0], err.at(-1)]).toEqual([1, expect.stringMatching(rejected), force]);
    expect(await gate().latest()).toEqual(live.digests);
    const report = (await canary('report', sha)).out.join('\n');
    expect(report).toMatch(/^## Canary refused — the build was REJECTED BY CANARY\n/);
    expect(report).toContain(`- ${CHECK}`);
  });

  test('and that a person promoted with force is called REJECTED BY CANARY, and never not tested', async () => {
    const dry = await canary('promote', sha, '--dry-run', '--force');
    expect([dry.code, dry.out.at(-2)]).toEqual([0, expect.stringMatching(/^forced, although: .* REJECTED BY CANARY/)]);
    const { code, out } = await canary('promote', sha, '--force', ...why);
    expect([code, out[0]]).toEqual([0, expect.stringMatching(/^promoted: .*REJECTED BY CANARY on .*memory search/)]);
    expect(await gate().latest()).toEqual(digests);
    const report = (await canary('report', sha)).out.join('\n');
    expect(report).toMatch(
      new RegExp(`\\*\\*REJECTED BY CANARY\\*\\* on [-0-9: ]+ UTC, run \`${runId}\`:\n\n- ${CHECK}`),
    );
    expect(report).toContain('Promoted on the authority of ada: hotfix');
    expect(report).not.toMatch(/not tested/i);
    expect((await canary('status')).out.filter((line) => line.startsWith('ALARM'))).toEqual([]);
  });

  test('again while it is live raises an alarm, which status and doctor show', async () => {
    await reject(sha, { force: true, reason: 'once more', requestedBy: 'ada' });
    await until('the alarm is out', () => alarms('live-build-red').length > 0);
    const { out } = await canary('status');
    expect(out[0]).toMatch(new RegExp(`^ALARM    ${sha} is live, and was REJECTED BY CANARY on .*canary rollback`));
    const found = (await canary('doctor')).out.find((line) => line.includes('is live, and was REJECTED BY CANARY'));
    expect(found).toBeDefined();
  });

  test('has a post-mortem that says so after a rollback', async () => {
    await awaitRunEnd(await gate().rollback({ sha: live.sha, reason: 'search finds nothing' }));
    const text = (await canary('postmortem', live.sha)).out.join('\n');
    expect(text).toMatch(/\| promoted: REJECTED BY CANARY \| ada \|/);
    expect(text).toContain(`- ${CHECK}`);
    expect(text).not.toMatch(/not tested/i);
    await gate().adopt();
  });
});

fullDescribe('a wrong sequence', () => {
  const milliseconds = Date.now();
  const release = async (sequence: number, ...more: string[]) => {
    const { sha } = await gate().greenBuild();
    return { sha, ...(await canary('release', sha, '--wait', '--sequence', `${sequence}`, ...more)) };
  };

  test('is refused, also by CI that allows superseded', async () => {
    expect(await release(17, '--soak', '100ms')).toMatchObject({ code: 0 });
    const { code, out } = await release(milliseconds, '--allow', 'superseded,skipped');
    expect([code, out[0]]).toEqual([4, expect.stringMatching(/^ConfigInvalid: sequence \d+ is more than 100 times/)]);
    expect((await canary('status')).out).toContain('lane     automatic ON, newest sequence 17');
  });

  test('that was forced raises an alarm in status and doctor, and lane sequence fixes it', async () => {
    const { sha } = await gate().greenBuild();
    const forced = await gate().release({ sha, sequence: milliseconds, force: true, ...byHand });
    expect((await awaitRunEnd(forced)).report).toMatchObject({ outcome: 'promoted' });
    await laneIsFree();
    for (const sequence of [18, 19, 20]) expect(await release(sequence)).toMatchObject({ code: 3 });
    await until('the alarm is out', () => alarms('out-of-order').length > 0);
    const stopped = `3 releases in a row were superseded by ${sha}`;
    expect((await canary('status')).out[0]).toContain(`ALARM    ${stopped}`);
    expect((await canary('doctor')).out.some((line) => line.includes(stopped))).toBe(true);
    const fixed = await canary('lane', 'sequence', '20', '--reason', 'milliseconds in place of a run id');
    expect([fixed.code, fixed.out[0]]).toEqual([0, expect.stringMatching(/^the newest sequence is 20, it was \d+;/)]);
    expect(await release(21)).toMatchObject({ code: 0 });
    const { out } = await canary('status');
    expect(out.filter((line) => line.startsWith('ALARM'))).toEqual([]);
    expect(out).toContain('lane     automatic ON, newest sequence 21');
    expect(alarms('out-of-order')).toHaveLength(1);
  });

  test.each(['x', '-1', '1.5', '99999999999999999999'])('for lane sequence is refused: %s', async (text) => {
    const { code } = await canary('lane', 'sequence', '--reason', 'x', '--', text);
    expect(code).not.toBe(0);
  });
});
