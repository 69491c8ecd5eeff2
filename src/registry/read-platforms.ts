import * as z from 'zod';
import { type Digest, type ImageChange, isDigest } from '../contract/image.js';
import { parseJson } from '../net/redact.js';
import type { Manifest, Registry } from './context.js';
import { getManifest } from './get-manifest.js';

/** What a machine of one platform pulls. */
export interface PlatformSize {
  /** `linux/amd64` or `linux/arm/v7`; empty for an image that is not in an index. */
  platform: string;
  /** Layers and configuration, compressed, in bytes: what is sent to a machine that has nothing of it. */
  bytes: number;
}

/** Most platforms of an image that are looked at: each costs a request. */
const MAX_PLATFORMS = 8;

const name = z.string().regex(/^[a-z0-9][a-z0-9._-]{0,31}$/i);
const size = z.number().int().nonnegative();
const indexBody = z.looseObject({
  manifests: z.array(
    z.looseObject({
      digest: z.string().refine(isDigest),
      platform: z.looseObject({ os: name, architecture: name, variant: name.optional() }).optional(),
    }),
  ),
});
const imageBody = z.looseObject({ config: z.looseObject({ size }), layers: z.array(z.looseObject({ size })) });

/**
 * Platforms of an image, and what each pulls. It informs a person and decides nothing, so any failure to read it gives null.
 * @throws the signal's own reason when it is aborted.
 */
export async function readPlatforms(
  registry: Registry,
  manifest: Manifest,
  signal?: AbortSignal,
): Promise<PlatformSize[] | null> {
  try {
    return await platformsOf(registry, manifest, signal);
  } catch {
    signal?.throwIfAborted();
    return null;
  }
}

async function platformsOf(registry: Registry, manifest: Manifest, signal?: AbortSignal): Promise<PlatformSize[]> {
  const { repository, children, attestations } = manifest;
  if (children.length === 0) return [{ platform: '', bytes: bytesOf(manifest) }];
  const { manifests } = indexBody.parse(parseJson(Buffer.from(manifest.bytes)));
  const images = manifests.filter(({ digest }) => !attestations.includes(digest as Digest));
  if (images.length > MAX_PLATFORMS) throw new Error('too many platforms to look at');
  return Promise.all(
    images.map(async ({ digest, platform }) => ({
      platform: platform ? [platform.os, platform.architecture, platform.variant].filter(Boolean).join('/') : '',
      bytes: bytesOf(await getManifest(registry, repository, digest as Digest, signal)),
    })),
  );
}

function bytesOf({ bytes }: Manifest): number {
  const { config, layers } = imageBody.parse(parseJson(Buffer.from(bytes)));
  return layers.reduce((sum, layer) => sum + layer.size, config.size);
}

/** Compares the platforms of a build with those at `:latest`; null for what could not be read. */
export function imageChange(before: PlatformSize[] | null, after: PlatformSize[] | null): ImageChange | undefined {
  if (after === null || after.length === 0) return undefined;
  const names = (all: PlatformSize[]) => all.map(({ platform }) => platform).filter((name) => name !== '');
  const most = (all: PlatformSize[]) => Math.max(...all.map(({ bytes }) => bytes));
  const [old, own] = [names(before ?? []), names(after)];
  // An image without an index names no platform: nothing tells whether one was gained or lost.
  const isKnown = old.length > 0 && own.length > 0;
  return {
    bytes: { before: before === null || before.length === 0 ? null : most(before), after: most(after) },
    gained: isKnown ? own.filter((name) => !old.includes(name)) : [],
    lost: isKnown ? old.filter((name) => !own.includes(name)) : [],
  };
}
