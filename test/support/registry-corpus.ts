import { afterAll, beforeAll } from 'vitest';
import type { Registry } from '../../src/registry/context.js';
import { createRegistry, type RegistryOptions } from '../../src/registry/registry.js';
import { RegistryError } from '../../src/registry/transport/errors.js';
import { corpus } from './corpus.js';
import { type RawAnswer, startRawServer } from './raw-server.js';

/** Long enough for a loaded machine; a transient error is tried again at once. */
export const PATIENT = { connectMs: 10_000, silenceMs: 20_000, requestMs: 20_000, totalMs: 60_000, retryMs: 1 };

/** A refusal without the port of this run. */
class Refused extends Error {}

/** Tests the inputs of a folder, each with a server that gives its answer to every request.
 * @param act what a client of that server does with an input; what it throws as a `RegistryError` is expected as text. */
export function registryCorpus<I extends { answer: RawAnswer }>(
  area: string,
  options: RegistryOptions,
  act: (registry: Registry, input: I, host: string) => unknown,
): void {
  let server: Awaited<ReturnType<typeof startRawServer>>;
  beforeAll(async () => {
    server = await startRawServer();
  });
  afterAll(() => server.stop());

  corpus<I>(
    area,
    async (input) => {
      server.answerWith(input.answer);
      const registry = createRegistry({ ...options, credentials: async () => null });
      try {
        return await act(registry, input, server.host);
      } catch (error) {
        if (!(error instanceof RegistryError)) throw error;
        throw new Refused(`${error.kind}: ${error.message.replaceAll(server.host, 'HOST')}`);
      } finally {
        await registry.close();
      }
    },
    [Refused],
  );
}
