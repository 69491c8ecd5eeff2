import * as z from 'zod';
import { type Digest, isDigest } from '../contract/image.js';
import { parseJson } from '../net/redact.js';
import type { Manifest, Registry } from './context.js';
import { computeDigest, getManifest } from './get-manifest.js';
import { request } from './transport/request.js';

/** Commit that an image was built from (OCI image-spec, "Pre-Defined Annotation Keys"). Builders set it as annotation or as label. */
const REVISION = 'org.opencontainers.image.revision';
/** Oldest build that can run on the data once a build has been live: set it with a migration that cannot be undone. */
export const ROLLBACK_FLOOR = 'canary.rollback-floor';

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
    return await textOf(registry, manifest, { name: REVISION, form: COMMIT }, signal);
  } catch {
    signal?.throwIfAborted();
    return null;
  }
}

/**
 * Oldest build that can run on the data of an image, which it names itself; null if it names none.
 * @throws if that cannot be read, or is no commit.
 */
export async function readRollbackFloor(registry: Registry, manifest: Manifest, signal?: AbortSignal) {
  const floor = await textOf(registry, manifest, { name: ROLLBACK_FLOOR, form: /./ }, signal);
  if (floor === null || COMMIT.test(floor)) return floor;
  throw new Error(`${ROLLBACK_FLOOR} is not a commit`);
}

/** Label or annotation; one of another form does not count. */
interface Label {
  name: string;
  form: RegExp;
}

async function textOf(
  registry: Registry,
  manifest: Manifest,
  label: Label,
  signal?: AbortSignal,
): Promise<string | null> {
  const { annotations, config } = manifestBody.parse(parseJson(Buffer.from(manifest.bytes)));
  const annotated = textIn(annotations, label);
  if (annotated !== null) return annotated;
  const [child] = manifest.children;
  if (child !== undefined)
    return textOf(registry, await getManifest(registry, manifest.repository, child, signal), label, signal);
  if (config === undefined) return null;
  return textIn(await readLabels(registry, manifest, config.digest as Digest, signal), label);
}

async function readLabels(registry: Registry, { repository }: Manifest, digest: Digest, signal?: AbortSignal) {
  const path = `blobs/${digest}`;
  const { body } = await request(registry, { method: 'GET', repository, path, actions: 'pull' }, signal);
  if (computeDigest(body) !== digest) throw new Error('the configuration is not the one that was asked for');
  return configBody.parse(parseJson(body)).config?.Labels;
}

function textIn(texts: Record<string, unknown> | undefined, { name, form }: Label): string | null {
  const value = texts?.[name];
  return typeof value === 'string' && form.test(value) ? value : null;
}
