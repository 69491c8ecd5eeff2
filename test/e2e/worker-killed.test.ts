import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe } from 'vitest';
import { awaitRunEnd } from '../../src/temporal/runs.js';
import { startMemoryRegistry } from '../../testbed/memory-registry.js';
import { approveToTheEnd } from '../support/decisions.js';
import { Gate } from '../support/gate.js';
import { laneState, queuedRelease } from '../support/lanes.js';
import { putsTaken } from '../support/latest.js';
import { catchIn, PATIENT, PHASES } from '../support/phases.js';
import { fullTest } from '../support/rows.js';
import { newSha } from '../support/shas.js';
import { startVictim } from '../support/victim.js';

const registry = await startMemoryRegistry();
const folder = mkdtempSync(join(tmpdir(), 'canary-worker-'));
afterAll(async () => {
  await registry.stop();
  rmSync(folder, { recursive: true, force: true });
});

/** A worker process of the built command line, as users run it. */
const startWorker = (gate: Gate) => startVictim(gate, folder, { command: ['bin/canary.js', 'worker'] });
const open = (name: string) => Gate.open(name, { registry: registry.host, env: PATIENT, isIdle: true });

// In parallel: an activity of a dead worker times out only after 5 to 45 s.
describe.concurrent('a worker killed', () => {
  // `npm run kills` kills it at every event.
  fullTest.for(PHASES)(
    'while %s loses nothing: the next one ends the run, with one write of :latest per image',
    { timeout: 90_000 },
    async (phase, { expect, onTestFinished }) => {
      const gate = await open(`killed-${phase}`);
      onTestFinished(() => gate.close());
      const worker = await startWorker(gate);
      onTestFinished(() => worker.kill());
      const old = await gate.begin(newSha());
      const { digests, handle, release, goOn } = await catchIn(phase, gate, registry);
      const before = putsTaken(registry, gate).length;

      await worker.kill();
      release();
      await gate.startWorker();
      await goOn();
      if (phase === 'awaiting-approval') await approveToTheEnd(gate, handle);

      expect((await awaitRunEnd(handle)).report).toMatchObject({
        outcome: 'promoted',
        images: digests.map((digest, index) => ({ digest, previous: old[index], result: 'promoted' })),
        notTested: [],
      });
      expect(await gate.latest()).toEqual(digests);
      expect(putsTaken(registry, gate).slice(before).sort()).toEqual(gate.repositories);
    },
  );

  fullTest(
    'while one release holds the lane and another waits for it loses neither: each is promoted once, in order; no token is in its arguments',
    {
      timeout: 90_000,
    },
    async ({ expect, onTestFinished }) => {
      const gate = await open('killed-lane');
      onTestFinished(() => gate.close());
      const worker = await startWorker(gate);
      onTestFinished(() => worker.kill());
      const args = execFileSync('ps', ['-o', 'args=', '-p', String(worker.pid)], { encoding: 'utf8' });
      expect(args).toContain('worker');
      expect(args).not.toContain(gate.env.CANARY_ADMIN_TOKENS);
      await gate.begin(newSha());
      const first = await catchIn('soaking', gate, registry, { soak: '12s' });
      const second = await queuedRelease(gate);
      const before = await laneState(gate);
      const written = putsTaken(registry, gate).length;

      await worker.kill();
      await gate.startWorker();
      expect(await laneState(gate)).toMatchObject({ holder: before.holder, queue: before.queue });
      expect((await awaitRunEnd(first.handle)).report).toMatchObject({ outcome: 'promoted' });
      gate.deploy({ sha: second.sha });
      expect((await awaitRunEnd(second.handle)).report).toMatchObject({
        outcome: 'promoted',
        images: first.digests.map((previous) => ({ previous, result: 'promoted' })),
      });
      expect(putsTaken(registry, gate).slice(written).sort()).toEqual(
        [...gate.repositories, ...gate.repositories].sort(),
      );
    },
  );
});
