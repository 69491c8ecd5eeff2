import { afterAll, beforeEach } from 'vitest';
import { type MemoryRegistry, startMemoryRegistry } from '../../testbed/memory-registry.js';
import { type GateOptions, useGate } from './gate.js';
import { putsTaken } from './latest.js';
import { PATIENT } from './phases.js';
import { newSha } from './shas.js';

/** A gate with its own registry, which counts every write of `:latest`. At the start of each test, `:latest` points at an earlier build. */
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
    /** Build that `:latest` points at first. */
    old,
    /** Repositories whose `:latest` was written since the test began, by a mover or manually. */
    writes: () => putsTaken(registry, gate()).slice(before).sort(),
    /** Repositories, each repeated that many times. */
    pairs: (times: number) => gate().repositories.flatMap((repository) => Array<string>(times).fill(repository)),
  };
}
