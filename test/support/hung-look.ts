import { afterAll, beforeAll } from 'vitest';
import { type MemoryRegistry, startMemoryRegistry } from '../../testbed/memory-registry.js';
import { isRead } from './latest.js';
import { newSha } from './shas.js';
import { useSkippedGate } from './skipped-gate.js';
import { until } from './until.js';

/** A gate on the skipping server, with `:latest` at an earlier build. Its registry can be made not to answer the first read of a mover. */
export function useHungLook(name: string) {
  let registry: MemoryRegistry;
  const skipped = useSkippedGate(name, async () => {
    registry = await startMemoryRegistry();
    return { registry: registry.host };
  });
  const { gate } = skipped;
  afterAll(() => registry?.stop());
  let old: string[];
  beforeAll(async () => {
    old = await gate().begin(newSha());
  });
  return {
    ...skipped,
    /** Build that `:latest` points at first. */
    old: () => old,
    /** Releases a GREEN build up to the first read of its mover, which hangs until `heal`. */
    async releasedToLook() {
      const build = await gate().greenBuild();
      const handle = await gate().release({ sha: build.sha });
      await until('it soaks', async () => (await gate().phase(handle)) === 'soaking');
      let looked = false;
      const heal = registry.faults.add({
        match: isRead,
        respond() {
          looked = true;
          return 'hang';
        },
      });
      await until('the mover looks', () => looked);
      return { ...build, handle, heal };
    },
  };
}
