import { beforeAll, beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { awaitRunEnd } from '../../src/temporal/runs.js';
import { canary as run } from '../support/cli.js';
import { useGate } from '../support/gate.js';
import { laneState, promoted } from '../support/lanes.js';
import { fullTest } from '../support/rows.js';
import { newSha } from '../support/shas.js';
import { until } from '../support/until.js';

const LANE = 'cli-rollback';
const gate = useGate(LANE);
const FIRST = newSha();
const NO_REASON = 'canary: --reason is missing: give the reason in a few words; it is kept with the run';
const neverAsked = async () => expect.unreachable('asked on the terminal');
const why = ['--reason', 'search is slow', '--by', 'ada'];
const canary = (args: string[], answer?: Parameters<typeof run>[2], env: Record<string, string> = {}) =>
  run(args, { CANARY_LANE: LANE, CANARY_IMAGES: gate().env.CANARY_IMAGES ?? '', ...env }, answer);
beforeAll(() => gate().begin(FIRST));

/** Three consecutive builds: the last one is live, the middle one is known bad. Created again if their tags or verdicts have changed. */
let before: { sha: string; digests: string[] };
let bad: string;
let live: { sha: string; digests: string[] };
/** Whether a test has spoiled a build, and not only moved `:latest`. */
let isSpoiled = true;
beforeEach(async () => {
  if (!isSpoiled && (await gate().latest()).join() === live.digests.join()) return;
  await gate().adopt();
  if (!isSpoiled) {
    // Live once more, with the same build before it.
    for (const { sha } of [before, live])
      await gate().sendToLane('unbad', { by: 'the test', reason: 'as it was', sha });
    await gate().setLatest(before.sha);
    await gate().setLatest(live.sha);
    return;
  }
  before = await promoted(gate());
  bad = (await promoted(gate())).sha;
  await awaitRunEnd(await gate().rollback({ sha: before.sha, reason: 'it was slow', requestedBy: 'bob' }));
  await gate().adopt();
  live = await promoted(gate());
  isSpoiled = false;
});

describe('canary rollback without a sha', () => {
  fullTest('lists the builds on a terminal, and moves to the previous good one by default', async () => {
    const asked: string[] = [];
    const { code, err } = await canary(['rollback', ...why], async (_shown, question) => {
      asked.push(question);
      return question.endsWith('[y/N] ') ? 'y' : '';
    });
    expect(asked).toEqual([
      `Roll back to which build? [${before.sha}] `,
      `Move :latest of all images back to ${before.sha}? [y/N] `,
    ]);
    const TIME = '\\d{4}-\\d\\d-\\d\\d \\d\\d:\\d\\d:\\d\\d UTC';
    expect(err.slice(0, 3)).toEqual([
      expect.stringMatching(new RegExp(`^    ${TIME}  promotion  ${live.sha}  by unknown  LIVE$`)),
      expect.stringMatching(new RegExp(`^->  ${TIME}  rollback   ${before.sha}  by bob$`)),
      expect.stringMatching(
        new RegExp(`^    ${TIME}  promotion  ${bad}  by unknown  BAD: rolled back on .* by bob: it was slow$`),
      ),
    ]);
    expect({ code, err }).toMatchObject({ code: 0 });
    expect(await gate().latest()).toEqual(before.digests);
  });

  fullTest('accepts another build by its first digits', async () => {
    const { code } = await canary(['rollback', ...why], async (_shown, question) =>
      question.endsWith('[y/N] ') ? 'yes' : FIRST.slice(0, 7),
    );
    expect(code).toBe(0);
    expect((await laneState(gate())).ledger.history.at(-1)).toMatchObject({ kind: 'rollback', sha: FIRST, by: 'ada' });
  });

  fullTest('moves nothing without a confirmation', async () => {
    const { code, err } = await canary(['rollback', ...why], '');
    expect([code, err.at(-1)]).toEqual([1, 'canary: nothing was moved']);
    expect(await gate().latest()).toEqual(live.digests);
  });

  fullTest('with --yes on a terminal asks nothing, and moves to the previous good build', async () => {
    const { code, err } = await canary(['rollback', '--yes', ...why], neverAsked);
    expect({ code, err }).toMatchObject({ code: 0 });
    expect(await gate().latest()).toEqual(before.digests);
  });

  test.each<[string, string[]]>([
    ['without a reason', ['rollback', '--yes']],
    ['in a pipe', ['rollback', '--yes', ...why]],
  ])('with --yes %s moves nothing, with 2', async (what, args) => {
    const { code, err } = await canary(args, what === 'in a pipe' ? undefined : neverAsked);
    expect([code, err.at(-1)]).toEqual([
      2,
      what === 'in a pipe'
        ? `canary: which build? The previous good one: canary rollback ${before.sha} --reason …`
        : NO_REASON,
    ]);
    expect(await gate().latest()).toEqual(live.digests);
  });

  test('in a pipe is a usage error of one line, with the command for the previous good build', async () => {
    expect(await canary(['rollback', ...why])).toEqual({
      code: 2,
      out: [],
      err: [`canary: which build? The previous good one: canary rollback ${before.sha} --reason …`],
    });
    expect(await gate().latest()).toEqual(live.digests);
  });

  test('without a ledger to read asks for the sha, with 2', async () => {
    const none = await canary(['rollback', ...why], '', { CANARY_LANE: 'no-lane' });
    expect([none.code, none.err]).toEqual([
      2,
      ['canary: which build? canary rollback <sha> --reason … (there is no lane yet: canary setup)'],
    ]);
    const isDown = { TEMPORAL_ADDRESS: '127.0.0.1:1' };
    const down = await canary(['rollback', '--direct', ...why], '', isDown);
    expect([down.code, down.err[0]]).toEqual([1, expect.stringMatching(/^by the copy of the ledger of .* is live/)]);
    const bare = { ...isDown, CANARY_IMAGES: `${gate().host}/nowhere/platform` };
    const lost = await canary(['rollback', '--direct', ...why], '', bare);
    expect([lost.code, lost.err]).toEqual([
      2,
      [
        'canary: warning: the registry has no copy of the ledger: neither known-bad builds nor those that were never live are checked',
        'canary: which build? canary rollback <sha> --reason … (no copy of the ledger counts)',
      ],
    ]);
  });
});

describe('canary rollback --dry-run', () => {
  const moves = (digests: string[]) =>
    digests.map(
      (to, at) => `${gate().host}/${gate().repositories[at]}:latest would move from ${live.digests[at]} to ${to}`,
    );

  test('prints what would move, be marked bad and be held, and changes nothing', async () => {
    const state = await laneState(gate());
    expect(await canary(['rollback', before.sha, '--dry-run'])).toEqual({
      code: 0,
      out: [
        ...moves(before.digests),
        `would be marked bad: ${live.sha}`,
        'automatic promotion would be held afterwards: the next GREEN build waits for approval',
        'dry run: nothing was moved, and whether :latest may be overwritten was not tried',
      ],
      err: [],
    });
    const { out } = await canary(['rollback', before.sha, '--dry-run', '--json']);
    expect(JSON.parse(out[0] ?? '')).toMatchObject({
      bad: [live.sha],
      hold: 'after-rollback',
      refused: [],
    });
    expect(await laneState(gate())).toEqual(state);
  });

  fullTest('of a refused rollback prints why with 1, and with force that it would move anyway', async () => {
    const { code, out } = await canary(['rollback', bad, '--dry-run']);
    expect(code).toBe(1);
    expect(out.slice(-3)).toEqual([
      expect.stringMatching(new RegExp(`^would be REFUSED: ${bad} was rolled back on .* by bob: it was slow$`)),
      `canary rollback ${bad} --force --reason …`,
      'dry run: nothing was moved, and whether :latest may be overwritten was not tried',
    ]);
    const forced = await canary(['rollback', bad, '--dry-run', '--force']);
    expect([forced.code, forced.out.at(-2)]).toEqual([0, expect.stringMatching(/^forced, although: .* by bob/)]);
  });

  fullTest('needs no worker', async () => {
    const served = await canary(['rollback', before.sha, '--dry-run']);
    await gate().stopWorker();
    onTestFinished(() => gate().startWorker());
    expect(await canary(['rollback', before.sha, '--dry-run'])).toEqual(served);
    expect(served.out).toEqual(expect.arrayContaining(moves(before.digests)));
  });
});

describe('a rollback that is refused', () => {
  const forceCommand = (sha: string) => `canary rollback ${sha} --force --reason …`;

  fullTest(
    'because the build was never promoted, is bad, or its tag was pushed again prints the --force command, which moves it',
    async () => {
      isSpoiled = true;
      const never = newSha();
      const digests = await gate().publish(never);
      await gate().publish(before.sha, { misbehave: 'hang' });
      for (const [sha, cause] of [
        [never, `${never} was never promoted here`],
        [bad, 'by bob: it was slow'],
        [before.sha, 'was pushed again since it was promoted'],
      ] as const) {
        const { code, out, err } = await canary(['rollback', sha, ...why]);
        expect([code, out[0], err.at(-1)]).toEqual([
          4,
          expect.stringMatching(new RegExp(`^MoveRefused: .*${cause}.*$`)),
          forceCommand(sha),
        ]);
      }
      expect(await gate().latest()).toEqual(live.digests);
      expect((await canary(['rollback', never, '--force', ...why])).code).toBe(0);
      expect(await gate().latest()).toEqual(digests);
    },
  );

  fullTest(
    'because canary rejected the build since is refused, and its dry run says so',
    async () => {
      isSpoiled = true;
      // A second release of it is RED.
      const { sha } = before;
      gate().deploy({ sha, misbehave: 'empty-subsystems' });
      const { report } = await awaitRunEnd(
        await gate().release({ sha, force: true, approval: 'required', requestedBy: 'ada', reason: 'once more' }),
      );
      expect(report).toMatchObject({ outcome: 'CanaryRejected' });
      await until('the lane knows it', async () => (await laneState(gate())).holder === null);
      const refused = await canary(['rollback', sha, ...why]);
      expect([refused.code, refused.out[0], refused.err.at(-1)]).toEqual([
        4,
        expect.stringMatching(`^MoveRefused: ${sha} was REJECTED BY CANARY on .*, run .*: canary-1: `),
        forceCommand(sha),
      ]);
      // A dry run goes on without a lane that does not answer in time, as the rollback does.
      const dry = await until('the dry run has read the lane', async () => {
        const { code, out } = await canary(['rollback', sha, '--dry-run']);
        return code === 1 ? out : null;
      });
      expect(dry.at(-2)).toBe(forceCommand(sha));
      expect(await gate().latest()).toEqual(live.digests);
      expect((await canary(['rollback', sha, '--force', ...why])).code).toBe(0);
      expect(await gate().latest()).toEqual(before.digests);
      // A release and two rollbacks.
    },
    90_000,
  );
});
