import { beforeAll, describe, expect, test } from 'vitest';
import { COMMANDS } from '../../src/cli/commands/index.js';
import { canary } from '../support/cli.js';
import { useGate } from '../support/gate.js';
import { fullTest } from '../support/rows.js';
import { newSha } from '../support/shas.js';
import { until } from '../support/until.js';

const gate = useGate('cli');

describe('help', () => {
  test.each(['', ...COMMANDS.map(({ name }) => name)])('canary %s --help', async (command) => {
    const { code, out } = await canary([...(command ? [command] : []), '--help']);
    expect(code).toBe(0);
    expect(out.join('\n')).toMatchSnapshot();
  });
  test('--version prints the version of the package', async () => {
    expect((await canary(['--version'])).out).toEqual(['0.1.0']);
  });
});

describe('usage errors exit 2 with one line', () => {
  test.each([
    [['release', 'XYZ'], 'canary: invalid sha "XYZ": expected 7 to 40 lower-case hex digits, e.g. 4c1d56e'],
    [['release', '4c1d56e', '--soak', 'long'], 'canary: invalid duration "long": expected e.g. 6m or 30s'],
    [['release'], "canary: missing required argument 'sha' (canary release --help)"],
    [['rollback', '4c1d56e'], 'canary: --reason is missing: give the reason in a few words; it is kept with the run'],
    [['release', '4c1d56e', '--allow', 'red'], 'canary: invalid --allow "red": expected superseded or skipped'],
    [
      ['release', '4c1d56e', '--sequence', 'x'],
      'canary: invalid sequence "x": expected a whole number of at most 9007199254740991, e.g. 1042',
    ],
    [['status', '-o', 'xml'], 'canary: invalid --output "xml": expected text or json'],
    [['release', '4c1d56e', '--wiat'], "canary: unknown option '--wiat' (Did you mean --wait?)"],
    [['relaese'], "canary: unknown command 'relaese' (Did you mean release?)"],
    [['status', '4c1d56e'], 'canary: no run cli-canary-release-4c1d56e or cli-rollback-4c1d56e (canary status)'],
  ])('%j', async (args, line) => {
    expect(await canary(args)).toEqual({ code: 2, out: [], err: [line] });
  });

  test('a Temporal configuration file that is missing is an error, never localhost', async () => {
    const { code, err } = await canary(['status'], { TEMPORAL_CONFIG_FILE: '/nowhere.toml' });
    expect({ code, err }).toEqual({ code: 2, err: ['canary: TEMPORAL_CONFIG_FILE: no such file /nowhere.toml'] });
  });
});

describe('exit codes of a run', () => {
  const [old, good, bad] = [newSha(), newSha(), newSha()];
  beforeAll(async () => {
    await gate().publish(old);
    await gate().setLatest(old);
  });

  test('0 for a build that is promoted, with the report as one JSON object', async () => {
    const digests = await gate().publish(good);
    gate().deploy({ sha: good });
    const { code, out, err } = await canary(['release', good, '--wait', '--json', '--by', 'ada']);
    expect(code).toBe(0);
    expect(out).toHaveLength(1);
    expect(JSON.parse(out[0] ?? '')).toMatchObject({
      outcome: 'promoted',
      sha: good,
      requestedBy: 'ada',
      images: digests.map((digest) => ({ digest })),
    });
    expect(err[0]).toBe(`cli-canary-release-${good.slice(0, 7)} is started`);
  });

  test('1 for a build that is RED', async () => {
    await gate().publish(bad);
    gate().deploy({ sha: bad, misbehave: 'memory-search' });
    const { code, out } = await canary(['release', bad, '--wait']);
    expect(code).toBe(1);
    expect(out[0]).toBe(
      'CanaryRejected: RED: canary-1: memory search finds the probe, canary-2: memory search finds the probe',
    );
  });

  fullTest('0 for a rollback', async () => {
    const { code, out } = await canary(['rollback', old, '--reason', 'search is slow']);
    expect(code).toBe(0);
    expect(out[0]).toBe(`rolled-back: :latest of every image is back on ${old}`);
    await gate().adopt();
  });

  test('4 for a build that does not exist', async () => {
    expect((await canary(['release', newSha(), '--wait'])).code).toBe(4);
  });

  fullTest('8 if it is not decided in time, and the run continues', async () => {
    const sha = newSha();
    await gate().publish(sha);
    const { code, err } = await canary(['release', sha, '--wait', '--timeout', '1s']);
    expect(code).toBe(8);
    expect(err.at(-1)).toBe(`canary: not decided after 1s; cli-canary-release-${sha.slice(0, 7)} continues`);
    gate().deploy({ sha });
    expect((await canary(['release', sha, '--wait'])).code).toBe(0);
  });

  fullTest('a long wait leaves no listener behind for each query, so Node prints no warning', async () => {
    const sha = newSha();
    await gate().publish(sha);
    const warnings: string[] = [];
    const record = ({ message }: Error) => warnings.push(message);
    process.on('warning', record);
    expect((await canary(['release', sha, '--wait', '--timeout', '8s'])).code).toBe(8);
    process.off('warning', record);
    expect(warnings).toEqual([]);
  });

  fullTest(
    'approve is refused with 1 while nothing waits for it, and accepted with 0 when something does',
    async () => {
      const sha = newSha();
      await gate().begin(newSha());
      const digests = await gate().publish(sha);
      await gate().stopWorker();
      await gate().startWorker({ ...gate().env, CANARY_HOLD_TIMEOUT: '30s' });
      const release = canary(['release', sha, '--wait', '--approval', 'required']);
      await until('it waits for the canary', async () => (await gate().phaseOf(sha)) === 'awaiting-canary');
      expect(await canary(['approve', sha, '--reason', 'x'])).toEqual({
        code: 1,
        out: [],
        err: ['canary: approve refused: the release is not held; it is awaiting-canary'],
      });
      gate().deploy({ sha });
      await until('it waits for approval', async () => (await gate().phaseOf(sha)) === 'awaiting-approval');
      expect(await canary(['approve', sha, '--reason', 'looked at it', '--by', 'ada'])).toEqual({
        code: 0,
        out: ['approve accepted: promote'],
        err: [
          expect.stringMatching(
            `^cli-canary-release-${sha.slice(0, 7)} is held: h1-\\w+ \\(approval\\): approval is required; approve: promote$`,
          ),
        ],
      });
      expect((await release).code).toBe(0);
      expect(await gate().latest()).toEqual(digests);
      expect(await canary(['approve', sha, '--reason', 'once more'])).toEqual({
        code: 1,
        out: [],
        err: [`canary: approve refused: the release has ended: promoted (canary report ${sha})`],
      });
    },
  );

  test('promote moves on the authority of the caller, and reports that canary did not test it', async () => {
    const sha = newSha();
    await gate().publish(sha);
    const { code, out } = await canary(['promote', sha, '--reason', 'hotfix', '--by', 'ada']);
    expect(code).toBe(0);
    expect(out[0]).toBe('promoted: :latest of every image is on this build, NOT TESTED BY CANARY');
  });

  test('status prints how a run ended, and lists the latest runs', async () => {
    expect((await canary(['status', good])).out).toEqual([
      `cli-canary-release-${good.slice(0, 7)} promoted: :latest of every image is on the tested digests`,
      expect.stringMatching(/^ {2}\S+Z start sent by client \d+@/),
    ]);
    const { code, out } = await canary(['status', '--json']);
    expect(code).toBe(0);
    expect(JSON.parse(out[0] ?? '').ended).toContainEqual(
      expect.objectContaining({ workflowId: `cli-canary-release-${bad.slice(0, 7)}`, outcome: 'CanaryRejected' }),
    );
  });
});

describe('a server that is missing or not prepared', () => {
  test('4 for a server that does not answer, with the fix', async () => {
    const { code, err } = await canary(['status'], { TEMPORAL_ADDRESS: '127.0.0.1:1' });
    expect({ code, err }).toEqual({
      code: 4,
      err: ['canary: Temporal does not answer at 127.0.0.1:1: start it, or set TEMPORAL_ADDRESS'],
    });
  });

  test('4 for a namespace that does not exist, with the fix', async () => {
    for (const args of [['status'], ['release', newSha()], ['report', newSha()]]) {
      const { code, err } = await canary(args, { TEMPORAL_NAMESPACE: 'nowhere' });
      expect({ code, err }).toEqual({
        code: 4,
        err: [
          'canary: there is no namespace nowhere: temporal operator namespace create --namespace nowhere, or set TEMPORAL_NAMESPACE',
        ],
      });
    }
  });

  test('4 for a release that no worker takes, with the reason why it waits', async () => {
    const { code, err } = await canary(['release', newSha()], { CANARY_LANE: 'no-worker' });
    expect(code).toBe(4);
    expect(err[1]).toBe(
      'canary: no worker polls no-worker-canary-release: the release waits until one does (canary worker)',
    );
  });
});
