import { setTimeout as delay } from 'node:timers/promises';
import { type Digest, type Repository, stagingTag, type Tag } from '../contract/image.js';
import { digestOf, type RecordedImage } from '../contract/move.js';
import type { MissingManifest, PinnedImage } from '../contract/release.js';
import type { Sha } from '../contract/sha.js';
import type { Manifest, Registry } from '../registry/context.js';
import { getManifest } from '../registry/get-manifest.js';
import { imageChange, readPlatforms } from '../registry/read-platforms.js';
import { readRevision } from '../registry/read-revision.js';
import { missingChildren, requireChildren } from '../registry/require-children.js';
import { RegistryError } from '../registry/transport/errors.js';
import { observeLatest } from './observe.js';

/** How long the tag of an optional image must be absent, in milliseconds: reads of a tag that was just pushed lag (GHCR: up to 30 s). */
export const ABSENT_MS = 30_000;
/** Pause between two looks for it, in milliseconds. */
const LOOK_MS = 5_000;

export interface ResolveOptions {
  /** Digests to read instead of the tag, which may have been pushed again or removed. */
  known?: RecordedImage[];
  /** Of the target of a rollback: missing manifests are named instead of failing, and an optional image that it does not have is left out. */
  incomplete?: boolean;
  /** Neither its missing manifests nor its commit are read: of a target that is moved to whatever they say. */
  bare?: boolean;
  /** Images that the build may leave out. */
  optional?: readonly Repository[];
  /** How long their tag must be absent, in milliseconds. */
  absentMs?: number;
}

/**
 * Pins the digest of every image of a build, with the commit that it names and the digest of `:latest`. An optional image
 * without the tag of the build is pinned where its `:latest` is (docs/protocol.md, Images that a build does not change).
 * @throws {RegistryError} `not-found`, naming the image or the missing manifest.
 */
export async function resolveBuild(
  registry: Registry,
  sha: Sha,
  repositories: Repository[],
  signal?: AbortSignal,
  { known = [], incomplete = false, bare = false, optional = [], absentMs = ABSENT_MS }: ResolveOptions = {},
): Promise<PinnedImage[]> {
  const tag = stagingTag(sha);
  const pin = async (repository: Repository): Promise<PinnedImage | null> => {
    const recorded = known.find((one) => one.repository === repository);
    const isOptional = optional.includes(repository) && !recorded?.digest;
    // Of the target of a rollback at once: production may be down.
    const early = incomplete && !isOptional ? latestOf(registry, repository, signal) : null;
    early?.catch(() => undefined);
    const own = isOptional
      ? await readUnlessAbsent(registry, repository, tag, incomplete ? 0 : absentMs, signal)
      : await getManifest(registry, repository, recorded?.digest ?? tag, signal);
    if (own === null && incomplete) return null;
    const manifest = own ?? (await readKept(registry, repository, tag, signal));
    const latest = early ?? latestOf(registry, repository, signal);
    const pinned = bare
      ? { repository, digest: manifest.digest, latest: await latest }
      : await pinManifest(registry, manifest, latest, incomplete, signal);
    if (own === null) return { ...pinned, latest: pinned.digest, unchanged: true };
    return { ...pinned, ...(recorded?.unchanged && { unchanged: true }) };
  };
  const pinned = (await Promise.all(repositories.map(pin))).filter((image) => image !== null);
  if (pinned.every(({ unchanged }) => unchanged))
    throw new RegistryError(
      'not-found',
      `no image has the tag ${tag} (was it published under this tag, or removed since?)`,
    );
  return pinned;
}

async function latestOf(registry: Registry, repository: Repository, signal?: AbortSignal): Promise<Digest | null> {
  return digestOf(await observeLatest(registry, [repository], { signal, tolerant: true }), repository);
}

async function pinManifest(
  registry: Registry,
  manifest: Manifest,
  latest: Promise<Digest | null>,
  incomplete: boolean,
  signal?: AbortSignal,
): Promise<PinnedImage> {
  const { repository, digest } = manifest;
  const [missing, before, revision] = await Promise.all([
    incomplete ? readMissing(registry, manifest, signal) : requireChildren(registry, manifest, signal).then(() => []),
    latest,
    readRevision(registry, manifest, signal),
  ]);
  const change = incomplete || before === digest ? undefined : await changeOf(registry, manifest, before, signal);
  return {
    repository,
    digest,
    latest: before,
    ...(change && { change }),
    ...(revision !== null && { revision }),
    ...(missing.length > 0 && { missing }),
  };
}

/** Manifests of an index that are gone from the registry.
 * @throws {RegistryError} if that cannot be read. */
export async function readMissing(
  registry: Registry,
  manifest: Manifest,
  signal?: AbortSignal,
): Promise<MissingManifest[]> {
  const gone = await missingChildren(registry, manifest, signal);
  return gone.map((digest) => ({ digest, of: manifest.attestations.includes(digest) ? 'attestation' : 'platform' }));
}

async function changeOf(registry: Registry, manifest: Manifest, before: Digest | null, signal?: AbortSignal) {
  const old = before && (await getManifest(registry, manifest.repository, before, signal).catch(() => null));
  const [was, is] = await Promise.all([
    old && readPlatforms(registry, old, signal),
    readPlatforms(registry, manifest, signal),
  ]);
  return imageChange(was, is);
}

/** Codes by which a registry itself says that there is no such tag. A 404 without one may be a proxy's. */
const NO_TAG = ['MANIFEST_UNKNOWN', 'NOT_FOUND', 'TAG_UNKNOWN'];

/**
 * Reads a tag; null if the registry says for `forMs` that it has no such tag.
 * @throws {RegistryError} for any other answer, also one that leaves open whether there is one. */
async function readUnlessAbsent(
  registry: Registry,
  repository: Repository,
  tag: Tag,
  forMs: number,
  signal?: AbortSignal,
): Promise<Manifest | null> {
  for (const until = performance.now() + forMs; ; ) {
    try {
      return await getManifest(registry, repository, tag, signal);
    } catch (error) {
      const isAbsent =
        error instanceof RegistryError && error.kind === 'not-found' && NO_TAG.includes(error.code ?? '');
      if (!isAbsent) throw error;
    }
    const leftMs = until - performance.now();
    if (leftMs <= 0) return null;
    await delay(Math.min(LOOK_MS, leftMs), undefined, { signal });
  }
}

/** Reads `:latest` of an image that the build does not have.
 * @throws {RegistryError} `not-found` if the image has no `:latest` to keep. */
async function readKept(registry: Registry, repository: Repository, tag: Tag, signal?: AbortSignal): Promise<Manifest> {
  return getManifest(registry, repository, registry.latest, signal).catch((error: unknown) => {
    if (!(error instanceof RegistryError && error.kind === 'not-found')) throw error;
    const fix = `the first build of an optional image must have it: push ${tag}`;
    throw new RegistryError('not-found', `${repository} has neither ${tag} nor :latest (${fix})`, { status: 404 });
  });
}
