import { expect } from 'vitest';
import type { Gate } from './gate.js';

const urlOf = ({ host, repositories }: Gate, image: number, digest: string | undefined) =>
  `http://${host}/v2/${repositories[image]}/manifests/${digest}`;

/** Digests in the index of an image, one for each platform. */
export async function childrenOf(gate: Gate, image: number, digest: string | undefined): Promise<string[]> {
  const headers = { accept: 'application/vnd.oci.image.index.v1+json' };
  const index = (await (await fetch(urlOf(gate, image, digest), { headers })).json()) as {
    manifests: { digest: string }[];
  };
  return index.manifests.map((child) => child.digest);
}

/** Deletes a manifest, as a clean-up job does. */
export async function removeManifest(gate: Gate, image: number, digest: string | undefined): Promise<void> {
  expect((await fetch(urlOf(gate, image, digest), { method: 'DELETE' })).status).toBe(202);
}
