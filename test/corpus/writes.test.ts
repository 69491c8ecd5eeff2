import { afterAll, beforeAll } from 'vitest';
import { parseRepository, type Tag } from '../../src/contract/image.js';
import type { Manifest, Registry } from '../../src/registry/context.js';
import { computeDigest } from '../../src/registry/get-manifest.js';
import { probeWrite } from '../../src/registry/probe-write.js';
import { putTag } from '../../src/registry/put-tag.js';
import { createRegistry } from '../../src/registry/registry.js';
import { RegistryError } from '../../src/registry/transport/errors.js';
import { corpus } from '../support/corpus.js';
import { type RawAnswer, startRawServer } from '../support/raw-server.js';

let server: Awaited<ReturnType<typeof startRawServer>>;
beforeAll(async () => {
  server = await startRawServer();
});
afterAll(() => server.stop());

const PATIENT = { connectMs: 10_000, silenceMs: 20_000, requestMs: 20_000, totalMs: 60_000, retryMs: 1 };

interface Input {
  /** `tag`: the PUT of `:latest`; `upload`: the upload that is opened and cancelled to see whether one may write. */
  sends: 'tag' | 'upload';
  answer: RawAnswer;
}

class Refused extends Error {}

corpus<Input>(
  'writes',
  async ({ sends, answer }) => {
    server.answerWith(answer);
    const registry = createRegistry({ waits: PATIENT, credentials: async () => null });
    try {
      await send(registry, sends);
      return 'written';
    } catch (error) {
      if (!(error instanceof RegistryError)) throw error;
      throw new Refused(`${error.kind}: ${error.message.replaceAll(server.host, 'HOST')}`);
    } finally {
      await registry.close();
    }
  },
  [Refused],
);

async function send(registry: Registry, sends: Input['sends']): Promise<void> {
  const repository = parseRepository(`${server.host}/acme/app`);
  if (sends === 'upload') return probeWrite(registry, repository);
  const bytes = Buffer.from('{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[]}');
  const mediaType = 'application/vnd.oci.image.index.v1+json';
  const manifest = { repository, digest: computeDigest(bytes), mediaType, bytes, children: [] } as unknown as Manifest;
  return putTag(registry, manifest, 'latest' as Tag);
}
