import type { Digest, Repository, Tag } from '../contract/image.js';
import { redacted } from '../net/http.js';
import type { Manifest, Registry } from './context.js';
import { computeDigest } from './get-manifest.js';
import { putTag } from './put-tag.js';
import { targetOf } from './transport/endpoint.js';
import { RegistryError } from './transport/errors.js';
import { request } from './transport/request.js';

/** Media types of an image of one platform, as OCI and Docker name them. */
const TYPES = {
  oci: {
    manifest: 'application/vnd.oci.image.manifest.v1+json',
    config: 'application/vnd.oci.image.config.v1+json',
    layer: 'application/vnd.oci.image.layer.v1.tar+gzip',
  },
  docker: {
    manifest: 'application/vnd.docker.distribution.manifest.v2+json',
    config: 'application/vnd.docker.container.image.v1+json',
    layer: 'application/vnd.docker.image.rootfs.diff.tar.gzip',
  },
} as const;

interface SmallImage {
  /** Form that the registry takes: that of the images which it has. */
  form: keyof typeof TYPES;
  config: Buffer;
  layer: Buffer;
}

/** Pushes an image of one layer under a tag, and returns its digest.
 * @throws {RegistryError} */
export async function pushImage(
  registry: Registry,
  repository: Repository,
  tag: Tag,
  { form, config, layer }: SmallImage,
  signal?: AbortSignal,
): Promise<Digest> {
  const types = TYPES[form];
  for (const blob of [layer, config]) await pushBlob(registry, repository, blob, signal);
  const described = (mediaType: string, bytes: Buffer) => ({
    mediaType,
    size: bytes.length,
    digest: computeDigest(bytes),
  });
  const bytes = Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: types.manifest,
      config: described(types.config, config),
      layers: [described(types.layer, layer)],
    }),
  );
  const digest = computeDigest(bytes);
  const manifest: Manifest = { repository, digest, mediaType: types.manifest, bytes, children: [], attestations: [] };
  await putTag(registry, manifest, tag, { ...(signal && { signal }) });
  return digest;
}

async function pushBlob(
  registry: Registry,
  repository: Repository,
  bytes: Buffer,
  signal: AbortSignal | undefined,
): Promise<void> {
  const digest = computeDigest(bytes);
  const actions = 'pull,push';
  const isThere = await request(
    registry,
    { method: 'HEAD', repository, path: `blobs/${digest}`, actions },
    signal,
  ).then(
    () => true,
    () => false,
  );
  signal?.throwIfAborted();
  if (isThere) return;
  const begun = await request(registry, { method: 'POST', repository, path: 'blobs/uploads/', actions }, signal);
  const { location } = begun.headers;
  const path =
    typeof location === 'string' && URL.canParse(location, begun.url.href)
      ? targetOf(location, begun.url, begun.url)
      : null;
  // Bytes and credentials go to the registry alone.
  if (path?.origin !== begun.url.origin)
    throw new RegistryError('rejected', `POST ${redacted(begun.url)}: the upload goes to another host, or nowhere`, {
      method: 'POST',
      url: redacted(begun.url),
    });
  path.searchParams.set('digest', digest);
  const headers = { 'content-type': 'application/octet-stream' };
  await request(registry, { method: 'PUT', repository, path, headers, body: bytes, actions }, signal);
}
