import type { Digest } from '../contract/image.js';
import type { Manifest, Registry } from './context.js';
import { ACCEPT } from './get-manifest.js';
import { RegistryError } from './transport/errors.js';
import { request } from './transport/request.js';

/** Checks that the registry has every manifest of an index.
 * @throws {RegistryError} `not-found`, naming every missing child; or the error of the request. */
export async function requireChildren(registry: Registry, manifest: Manifest, signal?: AbortSignal): Promise<void> {
  const { repository, digest, children } = manifest;
  const looks = await Promise.allSettled(children.map((child) => requireChild(registry, manifest, child, signal)));
  signal?.throwIfAborted();
  const reasons = looks.flatMap((look, index) =>
    look.status === 'rejected' ? [{ child: children[index], reason: look.reason as unknown }] : [],
  );
  const isMissing = (reason: unknown) => reason instanceof RegistryError && reason.kind === 'not-found';
  const other = reasons.find(({ reason }) => !isMissing(reason));
  if (other) throw other.reason;
  if (reasons.length === 0) return;
  const names = reasons.map(({ child }) => child).join(', ');
  throw new RegistryError(
    'not-found',
    `${repository}, index ${digest}: ${reasons.length} of its ${children.length} manifests are missing: ${names} (push the build again)`,
    { status: 404, cause: reasons[0]?.reason },
  );
}

async function requireChild(
  registry: Registry,
  { repository }: Manifest,
  child: Digest,
  signal?: AbortSignal,
): Promise<void> {
  const path = `manifests/${child}`;
  const answer = await request(
    registry,
    { method: 'HEAD', repository, path, headers: { accept: ACCEPT }, actions: 'pull' },
    signal,
  );
  const named = answer.headers['docker-content-digest'];
  if (named !== undefined && named !== child)
    throw new RegistryError('integrity', `${repository}, manifest ${child}: the registry names another digest`);
}
