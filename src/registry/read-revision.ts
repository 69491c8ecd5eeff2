import { z } from 'zod';
import { type Digest, isDigest } from '../contract/image.js';
import type { Manifest, Registry } from './context.js';
import { digestOf, getManifest } from './get-manifest.js';
import { parseJson } from './transport/json.js';
import { ask } from './transport/request.js';

/** OCI image-spec, "Pre-Defined Annotation Keys": the commit that an image was built from. Builders set it as annotation or as label. */
const REVISION = 'org.opencontainers.image.revision';

const texts = z.record(z.string(), z.unknown()).optional().catch(undefined);
const manifestBody = z.looseObject({
  annotations: texts,
  config: z.looseObject({ digest: z.string().refine(isDigest) }).optional(),
});
const configBody = z.looseObject({ config: z.looseObject({ Labels: texts }).optional() });

/** A commit, or at least the start of one; a label like `main` or `v1.2` says nothing about it. */
const COMMIT = /^[0-9a-f]{7,40}$/;

/**
 * The commit that an image says it was built from: of an index, what itself says, else its first child. It is one more
 * witness and no condition, so whatever keeps us from reading it, the image says nothing: null.
 * @throws the signal's own reason when it is aborted.
 */
export async function readRevision(
  registry: Registry,
  manifest: Manifest,
  signal?: AbortSignal,
): Promise<string | null> {
  try {
    return await revisionOf(registry, manifest, signal);
  } catch {
    signal?.throwIfAborted();
    return null;
  }
}

async function revisionOf(registry: Registry, manifest: Manifest, signal?: AbortSignal): Promise<string | null> {
  const { annotations, config } = manifestBody.parse(parseJson(Buffer.from(manifest.bytes)));
  const said = commitIn(annotations);
  if (said !== null) return said;
  const [child] = manifest.children;
  if (child !== undefined)
    return revisionOf(registry, await getManifest(registry, manifest.repository, child, signal), signal);
  if (config === undefined) return null;
  return commitIn(await readLabels(registry, manifest, config.digest as Digest, signal));
}

async function readLabels(registry: Registry, { repository }: Manifest, digest: Digest, signal?: AbortSignal) {
  const path = `blobs/${digest}`;
  const { body } = await ask(registry, { method: 'GET', repository, path, actions: 'pull' }, signal);
  return digestOf(body) === digest ? configBody.parse(parseJson(body)).config?.Labels : undefined;
}

function commitIn(texts: Record<string, unknown> | undefined): string | null {
  const value = texts?.[REVISION];
  return typeof value === 'string' && COMMIT.test(value) ? value : null;
}
