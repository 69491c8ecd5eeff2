import { readFileSync } from 'node:fs';
import { beforeEach, expect } from 'vitest';
import { awaitRunEnd } from '../../src/temporal/runs.js';
import { useCountedGate } from '../support/counted-gate.js';
import { laneState, promoted } from '../support/lanes.js';
import { catchIn } from '../support/phases.js';
import { requireRolledBack, rollBack } from '../support/rollbacks.js';
import { fullTest } from '../support/rows.js';
import { until } from '../support/until.js';
import { useVictims } from '../support/victim.js';

const { registry, gate, old, writes, pairs } = await useCountedGate('rollback-frozen');
const startVictim = useVictims(gate);

/** With a worker frozen (issue 10), in milliseconds: its lease, and what it had polled, have to run out first. */
const FROZEN_PUT_MS = 30_000;

let oldDigests: (string | undefined)[];
beforeEach(async () => {
  oldDigests = await gate().latest();
  await promoted(gate());
});

const isStopped = (pid: number) => /^\d+ \(.*\) T /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));

const requireBack = async () =>
  requireRolledBack(registry, gate(), await rollBack(gate(), old), oldDigests, FROZEN_PUT_MS);
fullTest(
  'a rollback moves while the worker of the release is frozen between its lease and its write, and that worker writes nothing when it wakes up',
  async () => {
    const { sha } = await gate().greenBuild();
    const frozen = await startVictim({ FREEZE: 'yes' });
    const handle = await gate().release({ sha });
    await until('it is frozen', () => isStopped(frozen.pid), 30_000);
    await gate().startWorker();
    await requireBack();
    // The next worker may have finished the move before the rollback was announced: a task that the frozen worker holds is retried only after its time-out.
    const { report } = await awaitRunEnd(handle);
    expect(report?.outcome).toMatch(/^(CanaryBuildBad|promoted)$/);
    expect((await laneState(gate())).ledger.knownBad.map((one) => one.sha)).toContain(sha);

    const seen = registry.requests.length;
    process.kill(frozen.pid, 'SIGCONT');
    await until('it has sent a request', () => registry.requests.length > seen || !isStopped(frozen.pid));
    await frozen.stop();
    expect(await gate().latest()).toEqual(oldDigests);
    expect(writes()).toEqual(pairs(report?.outcome === 'promoted' ? 3 : 2));
  },
  90_000,
);

fullTest(
  'a rollback moves while the worker of the release is frozen in the middle of a soak',
  async () => {
    const frozen = await startVictim();
    const { handle } = await catchIn('soaking', gate(), registry, { soak: '300s' });
    process.kill(frozen.pid, 'SIGSTOP');
    await gate().startWorker();
    await requireBack();
    expect((await awaitRunEnd(handle)).report).toMatchObject({ outcome: 'CanaryAborted' });
    expect(writes()).toEqual(pairs(2));
  },
  90_000,
);
