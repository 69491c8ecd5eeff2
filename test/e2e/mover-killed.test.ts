import { afterAll, beforeEach, describe, expect, test } from 'vitest';
import { awaitRunEnd } from '../../src/temporal/runs.js';
import { type MemoryRegistry, startMemoryRegistry } from '../../testbed/memory-registry.js';
import { useGate } from '../support/gate.js';
import { isPut } from '../support/latest.js';
import { newSha } from '../support/shas.js';
import { until } from '../support/until.js';
import { useVictims } from '../support/victim.js';

let registry: MemoryRegistry;
const gate = useGate('killed', async () => {
  registry = await startMemoryRegistry();
  // Long enough for a try to take over and still be at it.
  return { registry: registry.host, waits: { promoteMs: 20_000, splitMs: 20_000 } };
});
const startVictim = useVictims(gate);
afterAll(async () => {
  expect(registry.unforeseen).toEqual([]);
  await registry.stop();
});

const OLD = newSha();
let old: string[];
beforeEach(async () => {
  old = await gate().publish(OLD);
  await gate().setLatest(OLD);
});

const puts = () => registry.requests.filter(isPut()).length;

describe('a worker that is killed', () => {
  test.each([
    ['before the first write is taken', false],
    ['after the first write was taken', true],
  ])(
    '%s: the next one finishes the pair',
    async (_when, taken) => {
      const { sha, digests } = await gate().greenBuild();
      const victim = await startVictim();
      const heal = registry.faults.add({
        match: isPut(),
        times: 1,
        respond: async (_request, serve) => {
          if (taken) serve();
          await victim.kill('SIGKILL');
          return 'drop' as const;
        },
      });
      const handle = await gate().release({ sha });
      await until('it is dead', () => !registry.faults || puts() > 0, 30_000);
      await gate().startWorker();

      expect((await awaitRunEnd(handle)).report).toMatchObject({
        outcome: 'promoted',
        images: old.map((previous) => ({ previous })),
      });
      heal();
      expect(await gate().latest()).toEqual(digests);
    },
    60_000,
  );

  test('in the middle of a pair whose release is terminated too: the next one makes the pair whole', async () => {
    const { sha } = await gate().greenBuild();
    const victim = await startVictim();
    let seen = 0;
    const heal = registry.faults.add({
      match: isPut(),
      times: 2,
      respond: async (_request, serve) => {
        if (seen++ > 0) return 'drop' as const;
        const answer = serve();
        await handle.terminate('by the test');
        await victim.kill('SIGKILL');
        return answer;
      },
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
    expect([old, await gate().publish(sha)]).toContainEqual(now);
  }, 60_000);
});
