import { beforeAll, beforeEach, describe, expect } from 'vitest';
import { DECISIONS } from '../../../src/contract/messages.js';
import { awaitRunEnd, queryStatus } from '../../../src/temporal/runs.js';
import { useGate } from '../../support/gate.js';
import { fullTest } from '../../support/rows.js';
import { newSha } from '../../support/shas.js';
import { until } from '../../support/until.js';

const gate = useGate('soak', () => ({
  env: { CANARY_SOAK: '4s', CANARY_SOAK_PROBE: '200ms', CANARY_HOLD_TIMEOUT: '20s' },
}));
const OLD = newSha();
let old: string[];
beforeAll(async () => {
  old = await gate().begin(OLD);
});
beforeEach(() => gate().setLatest(OLD));

async function soaking() {
  const { sha, digests } = await gate().greenBuild();
  const handle = await gate().release({ sha });
  await until('it soaks', async () => (await gate().phase(handle)) === 'soaking');
  return { sha, digests, handle };
}
const away = async (sha: string, handle: Awaited<ReturnType<typeof soaking>>['handle']) => {
  gate().tenants[0]?.run({ sha: OLD });
  await until('it is noticed', async () => ['awaiting-canary', 'held'].includes((await gate().phase(handle)) ?? ''));
  gate().tenants[0]?.run({ sha });
};

describe('a soak that is watched', () => {
  fullTest('lasts its whole time while no check fails, then smokes and promotes', async () => {
    const { digests, handle } = await soaking();
    const began = Date.now();
    expect((await awaitRunEnd(handle)).report).toMatchObject({ outcome: 'promoted' });
    expect(Date.now() - began).toBeGreaterThan(3_000);
    expect(await gate().latest()).toEqual(digests);
  });

  fullTest('is RED at once when the same check fails twice in a row, and names it', async () => {
    const { sha, handle } = await soaking();
    const began = Date.now();
    gate().deploy({ sha, misbehave: 'empty-subsystems' });
    expect((await awaitRunEnd(handle)).report).toMatchObject({
      outcome: 'CanaryRejected',
      why: expect.stringMatching(/^RED, twice in a row: canary-1: liveness returns a subsystems map/),
    });
    expect(Date.now() - began).toBeLessThan(3_500);
    expect(await gate().latest()).toEqual(old);
  });

  fullTest('writes nothing to a tenant', async () => {
    const { handle } = await soaking();
    const before = gate().tenants.flatMap(({ requests }) => requests).length;
    await until('it was asked', () => gate().tenants.flatMap(({ requests }) => requests).length > before + 20);
    const during = gate()
      .tenants.flatMap(({ requests }) => requests)
      .slice(before);
    expect((await gate().phase(handle)) === 'soaking').toBe(true);
    expect(during.filter(({ method, at }) => method !== 'GET' && at > Date.now() - 1_000)).toEqual([]);
    await awaitRunEnd(handle);
  });

  fullTest(
    'starts over when a tenant leaves the build, and holds the third time',
    async () => {
      const { sha, digests, handle } = await soaking();
      for (let leaves = 0; leaves < 2; leaves += 1) {
        await away(sha, handle);
        await until('it soaks again', async () => (await gate().phase(handle)) === 'soaking');
      }
      await away(sha, handle);
      const { hold } = await until('it is held', async () => {
        const status = await queryStatus(gate().client, handle.workflowId);
        return status?.hold ? status : null;
      });
      expect(hold).toMatchObject({
        name: 'canary-unstable',
        why: expect.stringMatching(/^interrupted 3 times: canary-1 from .* to .* \(reports/),
      });
      await handle.executeUpdate(DECISIONS.retry.update, {
        args: [{ by: 'ada', reason: 'fixed', hold: hold?.id ?? '' }],
      });
      expect((await awaitRunEnd(handle)).report).toMatchObject({ outcome: 'promoted' });
      expect(await gate().latest()).toEqual(digests);
    },
    60_000,
  );
});
