import type { Manifest, ManifestCache } from './context.js';

/** Enough for the builds of a few moves and their restores. */
const MAX_MANIFESTS = 32;
const MAX_BYTES = 16 * 1024 * 1024;

/** Keeps the manifests that were used last, up to a number and a size in bytes. */
export function createManifestCache(): ManifestCache {
  const manifests = new Map<string, Manifest>();
  let bytes = 0;
  const drop = (key: string) => {
    bytes -= manifests.get(key)?.bytes.length ?? 0;
    manifests.delete(key);
  };
  return {
    get(repository, digest) {
      const key = `${repository}@${digest}`;
      const found = manifests.get(key);
      if (!found) return undefined;
      manifests.delete(key);
      manifests.set(key, found);
      return found;
    },
    add(manifest) {
      const key = `${manifest.repository}@${manifest.digest}`;
      drop(key);
      manifests.set(key, manifest);
      bytes += manifest.bytes.length;
      for (const oldest of manifests.keys()) {
        if (manifests.size <= MAX_MANIFESTS && bytes <= MAX_BYTES) break;
        drop(oldest);
      }
    },
  };
}
