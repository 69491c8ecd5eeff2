import { type Brand, InvalidInput, invalid, nullIfInvalid, shown } from './brand.js';
import { parseSha, type Sha, shortSha } from './sha.js';

/** Repository name `host[:port]/path`, lower case, without tag or digest: `ghcr.io/molecule-ai/platform`. */
export type Repository = Brand<'Repository'>;
/** Tag of an image. */
export type Tag = Brand<'Tag'>;
/** Digest: `sha256:` and 64 lower-case hex digits. Other algorithms are refused. */
export type Digest = Brand<'Digest'>;

/** Tag that production follows, unless `CANARY_PROMOTE_TAG` names another. Only `MoveLatest` writes it. */
export const LATEST = 'latest' as Tag;

// OCI distribution-spec 1.1, "Pulling manifests": name and reference. The host rule is Docker's: a first part with a dot, a port, or localhost.
const PATH_PART = /^[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*$/;
const HOST =
  /^(?:[a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)*|\[[0-9a-f:]+\])(?::([0-9]{1,5}))?$/;
const TAG = /^[A-Za-z0-9_][A-Za-z0-9._-]{0,127}$/;
const DIGEST = /^sha256:[0-9a-f]{64}$/;
const MAX_NAME = 255;
/** Begin of the tag of a build. */
const STAGING = 'staging-';

/** Parses the name of a repository.
 * @throws {InvalidInput} */
export function parseRepository(text: unknown): Repository {
  const bad = (why: string) => new InvalidInput(`image ${shown(text)} ${why}, e.g. ghcr.io/molecule-ai/platform`);
  if (typeof text !== 'string')
    throw invalid('image', text, 'the name of a repository, e.g. ghcr.io/molecule-ai/platform');
  if (text === '') throw bad('is not a repository name');
  if (text.includes('://')) throw bad('has a scheme: write host/path only');
  if (text.includes('@') && !text.includes('@sha256:'))
    throw new InvalidInput(
      'an image has an @, which is not shown: write host/path only, without user, password and digest',
    );
  if (text.includes('@')) throw bad('has a digest: write host/path only');
  if (/[A-Z]/.test(text)) throw bad('has upper-case letters: registries want lower case');
  const slash = text.indexOf('/');
  const host = text.slice(0, slash);
  if (slash < 0 || !(host.includes('.') || host.includes(':') || host === 'localhost'))
    throw bad('names no registry host');
  const port = HOST.exec(host);
  if (!port || host.length > MAX_NAME || Number(port[1] ?? 1) < 1 || Number(port[1] ?? 1) > 65535)
    throw bad('has an invalid host');
  const path = text.slice(slash + 1);
  if (/:[^/]*$/.test(path)) throw bad('has a tag: write host/path only');
  if (path.length > MAX_NAME || !path.split('/').every((part) => PATH_PART.test(part)))
    throw bad('has a path that registries refuse');
  return text as Repository;
}

/** Parses the host of a registry, `host` or `host:port`.
 * @throws {InvalidInput} */
export function parseRegistryHost(text: string): string {
  if (text.length <= MAX_NAME && HOST.test(text)) return text;
  throw new InvalidInput(`invalid registry ${shown(text)}: expected host or host:port, in lower case`);
}

/** Parses a tag.
 * @throws {InvalidInput} */
export function parseTag(text: unknown): Tag {
  if (typeof text === 'string' && TAG.test(text)) return text as Tag;
  throw invalid('tag', text, 'at most 128 letters, digits, "_", "." and "-"');
}

const isOfTheGate = (tag: Tag) => tag.startsWith(STAGING) || tag.startsWith('canary-ledger');

/** Parses the tag that canary tenants follow.
 * @throws {InvalidInput} also for `latest`, and tags of builds and of the ledger's copy. */
export function parseCanaryTag(text: unknown): Tag {
  const tag = parseTag(text);
  const isLatest = tag.toLowerCase() === LATEST;
  if (isLatest) throw new InvalidInput(`${tag} is what production follows: take another, e.g. canary`);
  if (isOfTheGate(tag))
    throw new InvalidInput(`${tag} is the name of a build, or of the copy of the ledger: take another, e.g. canary`);
  return tag;
}

/** Parses the tag that production follows.
 * @throws {InvalidInput} also for tags of builds and of the ledger's copy. */
export function parsePromoteTag(text: unknown): Tag {
  const tag = parseTag(text);
  if (isOfTheGate(tag))
    throw new InvalidInput(
      `${tag} is the name of a build, or of the copy of the ledger: take the tag that production follows`,
    );
  return tag;
}

/** Parses a digest.
 * @throws {InvalidInput} */
export function parseDigest(text: unknown): Digest {
  if (isDigest(text)) return text;
  throw invalid('digest', text, 'sha256: and 64 lower-case hex digits');
}

/** Whether a value is a digest. */
export function isDigest(text: unknown): text is Digest {
  return typeof text === 'string' && DIGEST.test(text);
}

/** Tag under which a build is published: `staging-4c1d56e`. */
export function stagingTag(sha: string): Tag {
  return `${STAGING}${shortSha(sha)}` as Tag;
}

/** Build that a tag publishes; null for any other tag. */
export function buildOfTag(tag: Tag): Sha | null {
  const sha = tag.startsWith(STAGING) ? tag.slice(STAGING.length) : '';
  return shortSha(sha) === sha ? nullIfInvalid(() => parseSha(sha)) : null;
}

/** Splits a repository into the registry's host (with port) and the name inside it. */
export function splitRepository(repository: Repository): { host: string; name: string } {
  const slash = repository.indexOf('/');
  return { host: repository.slice(0, slash), name: repository.slice(slash + 1) };
}

/** How an image differs from the one at `:latest`, for people: nothing decides by it. */
export interface ImageChange {
  /** Most that a machine pulls, in bytes, compressed; `before` is null without a `:latest`, or if it could not be read. */
  bytes: { before: number | null; after: number };
  /** Platforms that only the build has, and that only `:latest` has. */
  gained: string[];
  lost: string[];
}
