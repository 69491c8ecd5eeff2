import { type Digest, isDigest, type Tag } from '../contract/image.js';
import { redacted } from '../net/http.js';
import type { Manifest, Registry } from './context.js';
import { RegistryError } from './transport/errors.js';
import { askOnce } from './transport/request.js';
import { within } from './transport/retry.js';

export interface PutTagOptions {
  signal?: AbortSignal;
  /** For all of it, a token and a second sending included; `totalMs` of the registry when left out. */
  timeoutMs?: number;
  /** Called right before bytes go out, each time. What it throws passes untouched, and nothing is sent. */
  beforeSend?: () => void;
  /** Where the caller saw the tag: sent along as If-Match when the registry gave an ETag for it. No registry is known to heed it (registry.md section 5). */
  expected?: Digest;
}

/** Points a tag at a manifest by putting back the very bytes that were read. One try: whether a PUT without an answer is sent again is the caller's to say.
 * @throws {RegistryError}; what `beforeSend` throws; the signal's own reason when it is aborted. */
export async function putTag(
  registry: Registry,
  manifest: Manifest,
  tag: Tag,
  options: PutTagOptions = {},
): Promise<void> {
  const { signal, timeoutMs = registry.waits.totalMs, beforeSend, expected } = options;
  const { repository, digest, mediaType, bytes } = manifest;
  const etag = expected && registry.manifests.etag(repository, tag, expected);
  const answer = await within(
    timeoutMs,
    signal,
    `PUT ${repository}:${tag}`,
    () => undefined,
    (inner) =>
      askOnce(
        registry,
        {
          method: 'PUT',
          repository,
          path: `manifests/${tag}`,
          headers: { 'content-type': mediaType, ...(etag && { 'if-match': etag }) },
          body: bytes,
          actions: 'pull,push',
          ...(beforeSend && { beforeSend }),
        },
        inner,
      ),
  );
  registry.manifests.sawEtag(repository, tag, null);
  const bad = (why: string) =>
    new RegistryError(
      'integrity',
      `${repository}:${tag} was put as ${digest}, ${why} (read the tag: it may have moved)`,
      {
        method: 'PUT',
        url: redacted(answer.url),
        status: answer.status,
      },
    );
  if (answer.status !== 201) throw bad(`the registry answers ${answer.status}, not 201`);
  const told = answer.headers['docker-content-digest'];
  if (told !== undefined && told !== digest)
    throw bad(`the registry says ${isDigest(told) ? told : 'something that is no digest'}`);
}
