import { describe, expect, test } from 'vitest';
import { awaitRunEnd } from '../../src/temporal/runs.js';
import { laneState } from '../support/lanes.js';
import { isPut } from '../support/latest.js';
import { firstRows, fullTest } from '../support/rows.js';
import { until } from '../support/until.js';
import { useVictimScene } from '../support/victim.js';

const { registry, gate, startVictim, old, puts } = useVictimScene('killed');

/** Kills, by `kill`, once the first write of a pair is taken; the second one gets no answer. */
function killInMidPair(kill: () => Promise<unknown>) {
  let seen = 0;
  const heal = registry().faults.add({
    match: isPut(),
    times: 2,
    respond: async (_request, serve) => {
      if (seen++ > 0) return 'drop' as const;
      const answer = serve();
      await kill();
      return answer;
    },
  });
  return { heal, hasBegun: () => seen > 0 };
}

describe('a worker that is killed', () => {
  test.each(
    firstRows(1, [
      ['before the first write is taken', false],
      ['after the first write was taken', true],
    ]),
  )(
    '%s: the next one finishes the pair',
    async (_when, taken) => {
      const { sha, digests } = await gate().greenBuild();
      const victim = await startVictim();
      const heal = registry().faults.add({
        match: isPut(),
        times: 1,
        respond: async (_request, serve) => {
          if (taken) serve();
          await victim.kill('SIGKILL');
          return 'drop' as const;
        },
      });
      const handle = await gate().release({ sha });
      await until('it is dead', () => !registry().faults || puts() > 0, 30_000);
      await gate().startWorker();

      expect((await awaitRunEnd(handle)).report).toMatchObject({
        outcome: 'promoted',
        images: old().map((previous) => ({ previous })),
      });
      heal();
      expect(await gate().latest()).toEqual(digests);
    },
    60_000,
  );

  fullTest(
    'in the middle of a pair whose release is terminated too: the next one makes the pair whole',
    async () => {
      const { sha } = await gate().greenBuild();
      const victim = await startVictim();
      const { heal } = killInMidPair(async () => {
        await handle.terminate('by the test');
        await victim.kill('SIGKILL');
      });
      const handle = await gate().release({ sha });
      await awaitRunEnd(handle);
      await gate().startWorker();
      await gate()
        .client.workflow.getHandle('killed-move-latest')
        .result()
        .catch(() => undefined);
      heal();
      const now = await gate().latest();
      expect([old(), await gate().publish(sha)]).toContainEqual(now);
    },
    120_000,
  );

  fullTest(
    'in the middle of a pair, and the next one no longer has one of its images: it makes the pair whole',
    async () => {
      // The lane followed the release before on the worker that was killed: that is noticed by its missing heartbeats.
      await until('the lane is free', async () => (await laneState(gate())).holder === null, 60_000);
      const { sha, digests } = await gate().greenBuild();
      const victim = await startVictim();
      const [kept] = gate().repositories;
      const { heal, hasBegun } = killInMidPair(() => victim.kill('SIGKILL'));
      const handle = await gate().release({ sha });
      await until('one image has moved', hasBegun, 60_000);
      await gate().startWorker({ ...gate().env, CANARY_IMAGES: `${gate().host}/${kept}` });

      expect((await awaitRunEnd(handle)).report).toMatchObject({ outcome: 'promoted' });
      heal();
      expect(await gate().latest()).toEqual(digests);
    },
    120_000,
  );
});
