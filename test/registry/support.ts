import {
  type Digest,
  LATEST,
  parseRepository,
  type Repository,
  stagingTag,
  type Tag,
} from '../../src/contract/image.js';
import { parseSha } from '../../src/contract/sha.js';
import type { CredentialSource, Registry, RegistryWaits } from '../../src/registry/context.js';
import { getManifest } from '../../src/registry/get-manifest.js';
import { putTag } from '../../src/registry/put-tag.js';
import { readTag } from '../../src/registry/read-tag.js';
import { RegistryError } from '../../src/registry/transport/errors.js';
import { pushBuild, retag } from '../../testbed/images.js';
import type { TokenUser } from '../../testbed/token-server.js';
import { newSha } from '../support/shas.js';

/** Waits short enough for tests. */
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

/** Pushes the images of one new build; the digest, children and tag of each. */
export async function publish(host: string, names: string[], kind: 'oci' | 'docker' = 'oci') {
  const sha = parseSha(newSha());
  const pushed = await Promise.all(
    names.map((repository) => pushBuild({ registry: host, repository, tag: stagingTag(sha), sha, kind })),
  );
  return pushed.map(({ digest, children }) => ({ digest: digest as Digest, children, tag: stagingTag(sha) }));
}

export const at = (host: string, name: string): Repository => parseRepository(`${host}/${name}`);

/** Moves `:latest` of all images together with the verbs of the client. */
export async function move(
  registry: Registry,
  targets: { repository: Repository; to: Digest }[],
): Promise<(Digest | null)[]> {
  const read = await Promise.all(
    targets.map(async ({ repository, to }) => {
      const [manifest, before] = await Promise.all([
        getManifest(registry, repository, to),
        readTag(registry, repository, LATEST),
      ]);
      return { manifest, before };
    }),
  );
  await Promise.all(read.map(({ manifest }) => putTag(registry, manifest, LATEST)));
  return Promise.all(targets.map(({ repository }) => readTag(registry, repository, LATEST)));
}

/** Error of a promise that must reject with a `RegistryError`. */
export async function errorOf(promise: Promise<unknown>): Promise<RegistryError> {
  const outcome = await promise.then(
    (value) => ({ value }),
    (reason: unknown) => reason,
  );
  if (outcome instanceof RegistryError) return outcome;
  throw new Error(`no RegistryError but ${outcome instanceof Error ? outcome.stack : JSON.stringify(outcome)}`);
}

/** Pushes two builds to a repository: `:latest` points at the first, `tag` at the second. */
export async function twoBuilds(host: string, name: string) {
  const [before] = await publish(host, [name]);
  await retag({ registry: host, repository: name, from: before?.digest ?? '', to: 'latest' });
  const [next] = await publish(host, [name]);
  return { before: before?.digest as Digest, next: next?.digest as Digest, tag: next?.tag as Tag };
}
