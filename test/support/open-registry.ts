import { afterAll } from 'vitest';
import { createRegistry } from '../../src/registry/registry.js';
import { startMemoryRegistry } from '../../testbed/memory-registry.js';

/** Starts a registry for the tests of a file, with a client that may push; both are stopped after them. */
export async function openRegistry() {
  const server = await startMemoryRegistry();
  const registry = createRegistry({ push: true });
  afterAll(async () => {
    await registry.close();
    await server.stop();
  });
  return { server, registry };
}
