import type { Repository } from '../contract/image.js';
import { redacted } from '../net/http.js';
import type { Registry } from './context.js';
import { targetOf } from './transport/endpoint.js';
import { RegistryError } from './transport/errors.js';
import { type RegistryAnswer, request, requestOnce } from './transport/request.js';
import { within } from './transport/retry.js';

/** Limit for cancelling the upload, in milliseconds: an upload that is not cancelled expires at the registry. */
const CANCEL_MS = 2_000;

/** Checks that the credentials may write to a repository: opens an upload and cancels it, so nothing is written.
 * @throws {RegistryError} */
export async function probeWrite(registry: Registry, repository: Repository, signal?: AbortSignal): Promise<void> {
  const answer = await request(
    registry,
    { method: 'POST', repository, path: 'blobs/uploads/', actions: 'pull,push' },
    signal,
  );
  if (answer.status !== 202)
    throw new RegistryError(
      'rejected',
      `POST ${redacted(answer.url)}: invalid status ${answer.status}: expected 202 (is that a registry?)`,
      { method: 'POST', url: redacted(answer.url), status: answer.status },
    );
  await cancel(registry, repository, answer, signal);
}

async function cancel(
  registry: Registry,
  repository: Repository,
  answer: RegistryAnswer,
  signal?: AbortSignal,
): Promise<void> {
  const { location } = answer.headers;
  if (typeof location !== 'string' || !URL.canParse(location, answer.url.href)) return;
  const path = targetOf(location, answer.url, answer.url);
  if (path.origin !== answer.url.origin) return;
  const drop = (inner: AbortSignal) =>
    requestOnce(registry, { method: 'DELETE', repository, path, actions: 'pull,push' }, inner);
  const ms = Math.min(CANCEL_MS, registry.waits.totalMs);
  await within({ ms, signal, what: `DELETE ${redacted(path)}` }, drop).catch(() => undefined);
  signal?.throwIfAborted();
}
