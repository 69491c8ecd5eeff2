import { afterAll, beforeEach } from 'vitest';
import { type MemoryRegistry, startMemoryRegistry } from '../../testbed/memory-registry.js';
import { type GateOptions, useGate } from './gate.js';
import { putsTaken } from './latest.js';
import { PATIENT } from './phases.js';
import { newSha } from './shas.js';

/** A gate with a registry of its own, `:latest` at an earlier build as each test begins, and every write of it counted by that registry. */
export async function useCountedGate(name: string, env: GateOptions['env'] = {}) {
  const registry: MemoryRegistry = await startMemoryRegistry();
  const gate = useGate(name, () => ({ registry: registry.host, env: { ...PATIENT, ...env } }));
  afterAll(() => registry.stop());
  const old = newSha();
  let before = 0;
  beforeEach(async () => {
    await gate().begin(old);
    before = putsTaken(registry, gate()).length;
  });
  return {
    registry,
    gate,
    /** The build that `:latest` stands at first. */
    old,
    /** The repositories whose `:latest` a mover wrote, or somebody by hand, since the test began. */
    writes: () => putsTaken(registry, gate()).slice(before).sort(),
    /** Each repository, that often. */
    pairs: (times: number) => gate().repositories.flatMap((repository) => Array<string>(times).fill(repository)),
  };
}
