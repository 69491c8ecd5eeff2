import type { Tag } from '../contract/image.js';
import { redacted } from '../net/http.js';
import type { Manifest, Registry } from './context.js';
import { otherDigest } from './get-manifest.js';
import { RegistryError } from './transport/errors.js';
import { requestOnce } from './transport/request.js';
import { within } from './transport/retry.js';

export interface PutTagOptions {
  signal?: AbortSignal;
  /** Limit of the whole write, token and second attempt after a 401 included, in milliseconds; if left out, `totalMs` of the registry. */
  timeoutMs?: number;
  /** Called right before bytes go out, for each attempt. What it throws passes untouched, and nothing is sent. */
  beforeSend?: () => void;
}

/** Points a tag at a manifest by sending back exactly the bytes that were read. One attempt: the caller decides whether a PUT without an answer is sent again.
 * @throws {RegistryError}; what `beforeSend` throws; the signal's own reason when it is aborted. */
export async function putTag(
  registry: Registry,
  manifest: Manifest,
  tag: Tag,
  options: PutTagOptions = {},
): Promise<void> {
  const { signal, timeoutMs = registry.waits.totalMs, beforeSend } = options;
  const { repository, digest, mediaType, bytes } = manifest;
  const answer = await within({ ms: timeoutMs, signal, what: `PUT ${repository}:${tag}` }, (inner) =>
    requestOnce(
      registry,
      {
        method: 'PUT',
        repository,
        path: `manifests/${tag}`,
        headers: { 'content-type': mediaType },
        body: bytes,
        actions: 'pull,push',
        ...(beforeSend && { beforeSend }),
      },
      inner,
    ),
  );
  const bad = (why: string) =>
    new RegistryError('integrity', `PUT ${repository}:${tag} as ${digest}: ${why} (read the tag: it may have moved)`, {
      method: 'PUT',
      url: redacted(answer.url),
      status: answer.status,
    });
  // Any 2xx is an answer: Quay has answered 202, and proxies 200.
  const named = otherDigest(answer, digest);
  if (named !== null) throw bad(`the registry names ${named}`);
}
