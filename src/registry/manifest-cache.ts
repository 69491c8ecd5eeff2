import type { Digest } from '../contract/image.js';
import type { Manifest, ManifestCache } from './context.js';

/** The builds of a few moves, there and back. */
const MAX_MANIFESTS = 32;
const MAX_BYTES = 16 * 1024 * 1024;
const MAX_ETAGS = 64;

/** Keeps what was used last, up to a number and a size. */
export function createManifestCache(): ManifestCache {
  const manifests = new Map<string, Manifest>();
  const etags = new Map<string, { digest: Digest; etag: string }>();
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
    etag(repository, tag, digest) {
      const seen = etags.get(`${repository}:${tag}`);
      return seen?.digest === digest ? seen.etag : undefined;
    },
    sawEtag(repository, tag, seen) {
      const key = `${repository}:${tag}`;
      etags.delete(key);
      if (seen) etags.set(key, seen);
      for (const oldest of etags.keys()) {
        if (etags.size <= MAX_ETAGS) break;
        etags.delete(oldest);
      }
    },
  };
}
