import { z } from 'zod';
import { type Digest, isDigest } from '../contract/image.js';
import { parseJson } from '../net/redact.js';
import type { Manifest, Registry } from './context.js';
import { computeDigest, getManifest } from './get-manifest.js';
import { request } from './transport/request.js';

/** Commit that an image was built from (OCI image-spec, "Pre-Defined Annotation Keys"). Builders set it as annotation or as label. */
const REVISION = 'org.opencontainers.image.revision';

const texts = z.record(z.string(), z.unknown()).optional().catch(undefined);
const manifestBody = z.looseObject({
  annotations: texts,
  config: z.looseObject({ digest: z.string().refine(isDigest) }).optional(),
});
const configBody = z.looseObject({ config: z.looseObject({ Labels: texts }).optional() });

/** A commit, or the start of one; a label like `main` or `v1.2` does not name a commit. */
const COMMIT = /^[0-9a-f]{7,40}$/;

/**
 * Commit that an image names as its source; of an index, its own, else that of its first child. It is additional evidence
 * and never a condition, so any failure to read it gives null.
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
  const annotated = commitIn(annotations);
  if (annotated !== null) return annotated;
  const [child] = manifest.children;
  if (child !== undefined)
    return revisionOf(registry, await getManifest(registry, manifest.repository, child, signal), signal);
  if (config === undefined) return null;
  return commitIn(await readLabels(registry, manifest, config.digest as Digest, signal));
}

async function readLabels(registry: Registry, { repository }: Manifest, digest: Digest, signal?: AbortSignal) {
  const path = `blobs/${digest}`;
  const { body } = await request(registry, { method: 'GET', repository, path, actions: 'pull' }, signal);
  return computeDigest(body) === digest ? configBody.parse(parseJson(body)).config?.Labels : undefined;
}

function commitIn(texts: Record<string, unknown> | undefined): string | null {
  const value = texts?.[REVISION];
  return typeof value === 'string' && COMMIT.test(value) ? value : null;
}
