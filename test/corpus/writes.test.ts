import { parseRepository, type Tag } from '../../src/contract/image.js';
import type { Manifest } from '../../src/registry/context.js';
import { computeDigest } from '../../src/registry/get-manifest.js';
import { probeWrite } from '../../src/registry/probe-write.js';
import { putTag } from '../../src/registry/put-tag.js';
import type { RawAnswer } from '../support/raw-server.js';
import { PATIENT, registryCorpus } from '../support/registry-corpus.js';

interface Input {
  /** `tag`: the PUT of `:latest`; `upload`: the upload that is opened and cancelled to see whether one may write. */
  sends: 'tag' | 'upload';
  answer: RawAnswer;
}

registryCorpus<Input>('writes', { waits: PATIENT }, async (registry, { sends }, host) => {
  const repository = parseRepository(`${host}/acme/app`);
  if (sends === 'upload') await probeWrite(registry, repository);
  else {
    const mediaType = 'application/vnd.oci.image.index.v1+json';
    const bytes = Buffer.from(`{"schemaVersion":2,"mediaType":"${mediaType}","manifests":[]}`);
    const manifest = { repository, digest: computeDigest(bytes), mediaType, bytes, children: [] };
    await putTag(registry, manifest as unknown as Manifest, 'latest' as Tag);
  }
  return 'written';
});
