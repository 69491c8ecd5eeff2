import { type Digest, LATEST, parseRepository, type Repository, type Tag } from '../../src/contract/image.js';
import type { CredentialSource, Registry, RegistryWaits } from '../../src/registry/context.js';
import { getManifest } from '../../src/registry/get-manifest.js';
import { listTags } from '../../src/registry/list-tags.js';
import { putTag } from '../../src/registry/put-tag.js';
import { readTag } from '../../src/registry/read-tag.js';
import { createRegistry } from '../../src/registry/registry.js';
import { RegistryError } from '../../src/registry/transport/errors.js';
import { pushBuild, retag } from '../../testbed/images.js';
import type { TokenUser } from '../../testbed/token-server.js';
import { newSha } from '../support/shas.js';

/** Nothing here waits for a person's patience. */
export const SHORT: RegistryWaits = { connectMs: 500, silenceMs: 400, requestMs: 800, totalMs: 3_000, retryMs: 5 };

export const WRITER: TokenUser = {
  name: 'writer',
  password: 'writer-password',
  push: true,
  identityToken: 'writer-identity',
};
export const READER: TokenUser = { name: 'reader', password: 'reader-password', push: false };

export const as = ({ name, password }: { name: string; password: string }): CredentialSource => {
  return async () => ({ kind: 'basic', username: name, password });
};

/** Two images of one build, under a name of their own, and where they are. */
export async function publish(host: string, names: string[], kind: 'oci' | 'docker' = 'oci') {
  const sha = newSha();
  const pushed = await Promise.all(
    names.map((repository) => pushBuild({ registry: host, repository, tag: `staging-${sha.slice(0, 7)}`, sha, kind })),
  );
  return pushed.map(({ digest, children }) => ({ digest: digest as Digest, children }));
}

export const at = (host: string, name: string): Repository => parseRepository(`${host}/${name}`);

/** What a move is on the wire, for all images together. */
export async function move(
  registry: Registry,
  targets: { repository: Repository; to: Digest }[],
): Promise<(Digest | null)[]> {
  const looked = await Promise.all(
    targets.map(async ({ repository, to }) => {
      const [manifest, before] = await Promise.all([
        getManifest(registry, repository, to),
        readTag(registry, repository, LATEST),
      ]);
      return { manifest, before };
    }),
  );
  await Promise.all(looked.map(({ manifest }) => putTag(registry, manifest, LATEST)));
  return Promise.all(targets.map(({ repository }) => readTag(registry, repository, LATEST)));
}

/** The error that a promise ends in; fails when it does not. */
export async function errorOf(promise: Promise<unknown>): Promise<RegistryError> {
  const outcome = await promise.then(
    (value) => ({ value }),
    (reason: unknown) => reason,
  );
  if (outcome instanceof RegistryError) return outcome;
  throw new Error(`no RegistryError but ${outcome instanceof Error ? outcome.stack : JSON.stringify(outcome)}`);
}

/** A repository whose `:latest` stands at one build, and the tag of another. */
export async function twoBuilds(host: string, name: string) {
  const [before] = await publish(host, [name]);
  await retag({ registry: host, repository: name, from: before?.digest ?? '', to: 'latest' });
  const [next] = await publish(host, [name]);
  const client = createRegistry();
  const tags = await listTags(client, at(host, name), { filter: /^staging-/ });
  await client.close();
  return { before: before?.digest as Digest, next: next?.digest as Digest, tag: tags.sort().at(-1) as Tag };
}
