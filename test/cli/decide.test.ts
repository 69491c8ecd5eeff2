import { beforeAll, describe, expect, test } from 'vitest';
import { awaitRunEnd } from '../../src/temporal/runs.js';
import { canary as run } from '../support/cli.js';
import { ada, heldFor, say, statusOf } from '../support/decisions.js';
import { useGate } from '../support/gate.js';
import { fullTest } from '../support/rows.js';
import { newSha } from '../support/shas.js';
import { until } from '../support/until.js';

const gate = useGate('cli-decide', () => ({ env: { CANARY_HOLD_TIMEOUT: '10m', CANARY_UPDATE_TIMEOUT: '300ms' } }));
const canary = (args: string[], answer?: Parameters<typeof run>[2]) => run(args, { CANARY_LANE: 'cli-decide' }, answer);
const idOf = (sha: string) => `cli-decide-canary-release-${sha.slice(0, 7)}`;

beforeAll(async () => {
  const old = newSha();
  await gate().begin(old);
  gate().deploy({ sha: old });
});

async function started(input: { approval?: 'required' } = {}) {
  const sha = newSha();
  await gate().publish(sha);
  return { sha, handle: await gate().release({ sha, ...input }) };
}

describe('a decision that nothing waits for', () => {
  test.each(['approve', 'abort', 'retry'])('%s of a build that was never released is a usage error', async (verb) => {
    const or = verb === 'abort' ? ' or cli-decide-rollback-4c1d56e' : '';
    expect(await canary([verb, '4c1d56e', '--reason', 'x'])).toEqual({
      code: 2,
      out: [],
      err: [
        `canary: no run ${idOf('4c1d56e')}${or}: it was never started, or its retention has passed (canary status)`,
      ],
    });
  });

  test('of a release that ended prints how it ended, with 1, also without a worker', async () => {
    const { sha, handle } = await started();
    await heldFor(gate(), handle, 'canary-not-updated');
    await say(handle, 'abort', ada);
    await awaitRunEnd(handle);
    await gate().stopWorker();
    const { code, err } = await canary(['abort', sha, '--reason', 'x']);
    await gate().startWorker();
    expect({ code, err }).toEqual({
      code: 1,
      err: [`canary: abort refused: the release has ended: CanaryAborted (canary report ${sha})`],
    });
  });

  fullTest('of a release that no worker answers for is not sent, with 4', async () => {
    const { sha, handle } = await started();
    await heldFor(gate(), handle, 'canary-not-updated');
    await gate().stopWorker();
    const { code, err } = await canary(['abort', sha, '--reason', 'x']);
    await gate().startWorker();
    expect({ code, err }).toEqual({
      code: 4,
      err: [
        `canary: ${idOf(sha)} is running, but no worker on cli-decide-canary-release answers: start one (canary worker), then abort again`,
      ],
    });
    await say(handle, 'abort', ada);
    await awaitRunEnd(handle);
  });
});

describe('a decision without --hold', () => {
  test('is for the hold that was printed before the reason is asked for, and is refused if another one has begun since', async () => {
    const { sha, handle } = await started();
    const seen = await heldFor(gate(), handle, 'canary-not-updated');
    const { code, err } = await canary(['retry', sha], async (shown) => {
      expect(shown).toEqual([expect.stringContaining(`${idOf(sha)} is held: ${seen.id} (canary-not-updated): `)]);
      expect(shown[0]).toMatch(/; retry: wait for the canary tenants again$/);
      await say(handle, 'retry', { ...ada, hold: seen.id });
      await until('it is held again', async () => (await statusOf(gate(), handle))?.hold?.id.startsWith('h2-'));
      return 'looked at it';
    });
    expect({ code, last: err.at(-1) }).toEqual({
      code: 1,
      last: expect.stringMatching(
        /^canary: retry refused: that hold has ended; the current one is h2-\w+ \(canary-not-updated\)$/,
      ),
    });
    await say(handle, 'abort', ada);
    await awaitRunEnd(handle);
  });

  fullTest('does not apply to an approval that began after the hold was printed', async () => {
    await gate().stopWorker();
    await gate().startWorker({ ...gate().env, CANARY_UPDATE_TIMEOUT: '60s' });
    const { sha, handle } = await started({ approval: 'required' });
    await until('it waits for the canary', async () => (await gate().phaseOf(sha)) === 'awaiting-canary');
    const { code, err } = await canary(['approve', sha], async () => {
      gate().deploy({ sha });
      await heldFor(gate(), handle, 'approval');
      return 'looked at it';
    });
    expect({ code, err }).toEqual({
      code: 1,
      err: ['canary: approve refused: the release is not held; it is awaiting-canary'],
    });
    await say(handle, 'abort', ada);
    await awaitRunEnd(handle);
  });
});
