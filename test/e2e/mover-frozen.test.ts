import { readFileSync } from 'node:fs';
import type { WorkflowHandle } from '@temporalio/client';
import { describe, expect } from 'vitest';
import { awaitRunEnd } from '../../src/temporal/runs.js';
import type { RunningProcess } from '../../testbed/process.js';
import { ociError } from '../../testbed/registry-store.js';
import { isPut } from '../support/latest.js';
import { fullTest } from '../support/rows.js';
import { until } from '../support/until.js';
import { useVictimScene } from '../support/victim.js';

const { registry, gate, startVictim, OLD, old, puts } = useVictimScene('frozen');
const isStopped = (pid: number) => /^\d+ \(.*\) T /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));

describe('a worker that is frozen', () => {
  fullTest(
    'between the grant of the lease and the write moves nothing when it wakes up after a rollback',
    async () => {
      const { sha, digests } = await gate().greenBuild();
      const frozen = await startVictim({ FREEZE: 'yes' });
      const handle = await gate().release({ sha });
      await until('it is frozen', () => isStopped(frozen.pid), 30_000);
      expect(await gate().latest()).toEqual(old());

      await promotedThenRolledBack(handle, digests);
      await wakeUp(frozen);
      expect(await gate().latest()).toEqual(old());
    },
    90_000,
  );

  fullTest(
    'between the write and its answer repeats nothing when it wakes up after a rollback',
    async () => {
      const { sha, digests } = await gate().greenBuild();
      const frozen = await startVictim();
      const heal = registry().faults.add({
        match: isPut(),
        times: 2,
        respond: (_request, serve) => {
          const answer = serve();
          process.kill(frozen.pid, 'SIGSTOP');
          return answer;
        },
      });
      const handle = await gate().release({ sha });
      await until('it is frozen', () => isStopped(frozen.pid), 30_000);
      heal();

      await promotedThenRolledBack(handle, digests);
      await wakeUp(frozen);
      expect(await gate().latest()).toEqual(old());
    },
    90_000,
  );

  fullTest(
    'in the middle of a pair does not restore, when it wakes up, what the next attempt has moved',
    async () => {
      const { sha, digests } = await gate().greenBuild();
      // When it wakes up, its time for writes has passed; that of the next attempt has not.
      const frozen = await startVictim({ MOVE_WAITS: JSON.stringify({ ...gate().waits, promoteMs: 500 }) });
      const [first = '', second = ''] = gate().repositories;
      const putsOf = (repository: string) => registry().requests.filter(isPut(repository)).length;
      let stopped = false;
      const heal = registry().faults.add({
        match: isPut(second),
        respond: () => {
          // The first image is written, the second fails: now its worker is frozen for longer than the heartbeat time-out.
          if (!stopped) process.kill(frozen.pid, 'SIGSTOP');
          stopped = true;
          return ociError(503, 'UNAVAILABLE', 'down');
        },
      });
      const handle = await gate().release({ sha });
      await until('it is frozen', () => isStopped(frozen.pid), 30_000);
      const seen = putsOf(second);
      await gate().startWorker();
      await until('the next attempt writes', () => putsOf(second) > seen, 60_000);

      const written = putsOf(first);
      process.kill(frozen.pid, 'SIGCONT');
      // A worker that stops finishes the activity that it has begun.
      await frozen.stop();
      expect(putsOf(first)).toBe(written);
      heal();
      expect((await awaitRunEnd(handle)).report).toMatchObject({ outcome: 'promoted' });
      expect(await gate().latest()).toEqual(digests);
    },
    120_000,
  );

  /** The next worker goes on with the release, and production is rolled back. */
  async function promotedThenRolledBack(handle: WorkflowHandle, digests: string[]): Promise<void> {
    await gate().startWorker();
    expect((await awaitRunEnd(handle)).report).toMatchObject({
      outcome: 'promoted',
      images: old().map((previous) => ({ previous })),
    });
    expect(await gate().latest()).toEqual(digests);
    const rollback = await gate().rollback({ sha: OLD, reason: 'it burns' });
    expect((await awaitRunEnd(rollback)).report).toMatchObject({ outcome: 'rolled-back' });
  }

  /** Wakes it and waits until it has looked around: from then on it could write. */
  async function wakeUp(frozen: RunningProcess): Promise<void> {
    const [requests, written] = [registry().requests.length, puts()];
    process.kill(frozen.pid, 'SIGCONT');
    // It ends its own activity one way or another, and then polls for more: its log shows a completion that no one wants any more.
    await until(
      'it has looked where :latest stands',
      () => registry().requests.length > requests || !isStopped(frozen.pid),
    );
    await frozen.stop();
    expect(puts()).toBe(written);
  }
});
