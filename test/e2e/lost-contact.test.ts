import { afterAll, describe, expect } from 'vitest';
import { awaitRunEnd } from '../../src/temporal/runs.js';
import { startMemoryRegistry } from '../../testbed/memory-registry.js';
import { canary as run } from '../support/cli.js';
import { ada, heldFor, say } from '../support/decisions.js';
import { useGate } from '../support/gate.js';
import { isPut } from '../support/latest.js';
import { useOwnServer } from '../support/own-server.js';
import { PATIENT } from '../support/phases.js';
import { fullTest } from '../support/rows.js';
import { newSha } from '../support/shas.js';
import { until } from '../support/until.js';
import { useVictims } from '../support/victim.js';

const registry = await startMemoryRegistry();
const server = useOwnServer();
afterAll(() => registry.stop());

const gate = useGate('lost-contact', () => ({
  registry: registry.host,
  temporal: server.address(),
  env: PATIENT,
  waits: { lostMs: 2_000 },
}));
const startVictim = useVictims(gate);

describe('a release whose worker and whose Temporal server die in the middle of its move', () => {
  fullTest(
    'moves nothing after their return if a person has rolled back meanwhile with --direct, and is held',
    async () => {
      const old = newSha();
      const digests = await gate().begin(old);
      const { sha, digests: target } = await gate().greenBuild();
      const victim = await startVictim({ TEMPORAL_ADDRESS: server.address() });
      let isDead = false;
      const heal = registry.faults.add({
        match: isPut(gate().repositories[1]),
        respond: async () => {
          await until('the first image is moved', async () => (await gate().latest())[0] === target[0]);
          await victim.kill('SIGKILL');
          await server.kill();
          isDead = true;
          return 'drop' as const;
        },
      });
      const handle = await gate().release({ sha });
      await until('both are dead', () => isDead, 30_000);
      heal();

      const direct = await run(['rollback', old, '--reason', 'it burns', '--by', 'ada', '--direct', '--force'], {
        TEMPORAL_ADDRESS: server.address(),
        CANARY_LANE: gate().lane,
        CANARY_IMAGES: gate().env.CANARY_IMAGES ?? '',
      });
      expect(direct.code).toBe(0);
      expect(await gate().latest()).toEqual(digests);

      const before = registry.requests.filter(isPut()).length;
      await server.startAgain();
      await gate().startWorker();
      const { id, why } = await heldFor(gate(), handle, 'latest-moved', 60_000);
      expect(why).toContain('the mover had lost contact');
      expect(await gate().latest()).toEqual(digests);
      expect(registry.requests.filter(isPut())).toHaveLength(before);
      await say(handle, 'abort', { ...ada, hold: id });
      expect((await awaitRunEnd(handle)).report).toMatchObject({ outcome: 'CanaryAborted' });
    },
    150_000,
  );
});
