import { parseRepository, type Tag } from '../../src/contract/image.js';
import { usableChallenges } from '../../src/registry/auth/challenge.js';
import { fetchManifest } from '../../src/registry/get-manifest.js';
import { listTags } from '../../src/registry/list-tags.js';
import type { RawAnswer } from '../support/raw-server.js';
import { PATIENT, registryCorpus } from '../support/registry-corpus.js';

interface Input {
  /** Request that gets this answer; `challenge`: only the header is read. */
  asks: 'manifest' | 'tags' | 'challenge';
  answer: RawAnswer;
}

registryCorpus<Input>('registry', { waits: PATIENT }, async (registry, { asks, answer }, host) => {
  if (asks === 'challenge') return usableChallenges(answer.headers?.['www-authenticate']);
  const repository = parseRepository(`${host}/acme/app`);
  if (asks === 'tags') return listTags(registry, repository);
  const { digest, mediaType, children } = await fetchManifest(registry, repository, 'latest' as Tag);
  return { digest, mediaType, children };
});
