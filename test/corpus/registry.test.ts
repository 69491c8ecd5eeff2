import { afterAll, beforeAll } from 'vitest';
import { parseRepository, type Tag } from '../../src/contract/image.js';
import { usableChallenges } from '../../src/registry/auth/challenge.js';
import type { Registry } from '../../src/registry/context.js';
import { fetchManifest } from '../../src/registry/get-manifest.js';
import { listTags } from '../../src/registry/list-tags.js';
import { createRegistry } from '../../src/registry/registry.js';
import { RegistryError } from '../../src/registry/transport/errors.js';
import { corpus } from '../support/corpus.js';
import { type RawAnswer, startRawServer } from '../support/raw-server.js';

let server: Awaited<ReturnType<typeof startRawServer>>;
beforeAll(async () => {
  server = await startRawServer();
});
afterAll(() => server.stop());

/** Long enough for a loaded machine; a transient error is tried again at once. */
const PATIENT = { connectMs: 10_000, silenceMs: 20_000, requestMs: 20_000, totalMs: 60_000, retryMs: 1 };

interface Input {
  /** Request that gets this answer; `challenge`: only the header is read. */
  asks: 'manifest' | 'tags' | 'challenge';
  answer: RawAnswer;
}

/** A refusal without the port of this run. */
class Refused extends Error {}

corpus<Input>(
  'registry',
  async ({ asks, answer }) => {
    if (asks === 'challenge') return usableChallenges(answer.headers?.['www-authenticate']);
    server.answerWith(answer);
    const registry = createRegistry({ waits: PATIENT, credentials: async () => null });
    try {
      return await ask(registry, asks);
    } catch (error) {
      if (!(error instanceof RegistryError)) throw error;
      throw new Refused(`${error.kind}: ${error.message.replaceAll(server.host, 'HOST')}`);
    } finally {
      await registry.close();
    }
  },
  [Refused],
);

async function ask(registry: Registry, asks: 'manifest' | 'tags'): Promise<unknown> {
  const repository = parseRepository(`${server.host}/acme/app`);
  if (asks === 'tags') return listTags(registry, repository);
  const { digest, mediaType, children } = await fetchManifest(registry, repository, 'latest' as Tag);
  return { digest, mediaType, children };
}
