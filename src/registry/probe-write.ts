import type { Repository } from '../contract/image.js';
import { redacted } from '../net/http.js';
import type { Registry } from './context.js';
import { RegistryError } from './transport/errors.js';
import { ask, askOnce, type RegistryAnswer } from './transport/request.js';
import { within } from './transport/retry.js';

/** An upload that is not cancelled runs out by itself: not worth a wait. */
const CANCEL_MS = 2_000;

/** Makes sure that we may write to a repository, by opening an upload and giving it up: nothing is written.
 * @throws {RegistryError} */
export async function probeWrite(registry: Registry, repository: Repository, signal?: AbortSignal): Promise<void> {
  const answer = await ask(
    registry,
    { method: 'POST', repository, path: 'blobs/uploads/', actions: 'pull,push' },
    signal,
  );
  if (answer.status !== 202)
    throw new RegistryError(
      'rejected',
      `POST ${redacted(answer.url)}: status ${answer.status}, where a registry that lets us write answers 202 (is that a registry?)`,
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
  const path = new URL(location, answer.url);
  if (path.origin !== answer.url.origin) return;
  const drop = (inner: AbortSignal) =>
    askOnce(registry, { method: 'DELETE', repository, path, actions: 'pull,push' }, inner);
  await within(
    Math.min(CANCEL_MS, registry.waits.totalMs),
    signal,
    `DELETE ${redacted(path)}`,
    () => undefined,
    drop,
  ).catch(() => undefined);
  signal?.throwIfAborted();
}
