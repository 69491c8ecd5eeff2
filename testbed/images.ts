import { gzipSync } from 'node:zlib';
import { askOfThisProcess } from './memory-registry.js';
import { digestOf } from './registry-store.js';

/**
 * Real container images, pushed and read back. Shares no code with `src/registry` on purpose: what the gate did
 * to a tag is verified by code that cannot have the same bug.
 */

/** `oci`: an OCI index over OCI manifests. `docker`: a Docker manifest list over Docker v2 manifests. */
export type ImageKind = 'oci' | 'docker';

/** Where an image lives: `127.0.0.1:5000`, `molecule-ai/platform`. */
export interface Repository {
  registry: string;
  repository: string;
}

/** One build to push; `misbehave` is a comma list of `Misbehavior`s (testbed/tenant.ts) that its tenants will show. */
export interface BuildSpec extends Repository {
  tag: string;
  sha: string;
  misbehave?: string;
  /** Oldest build that can run on the data once this one has been live. */
  floor?: string;
  platforms?: readonly string[];
  kind?: ImageKind;
}

/** Build that a tenant finds when it pulls a tag. */
export interface PulledBuild {
  /** Digest of what the tag points to: the index, not the child. */
  digest: string;
  sha: string;
  misbehave: string;
}

const MEDIA_TYPES = {
  oci: {
    index: 'application/vnd.oci.image.index.v1+json',
    manifest: 'application/vnd.oci.image.manifest.v1+json',
    config: 'application/vnd.oci.image.config.v1+json',
    layer: 'application/vnd.oci.image.layer.v1.tar+gzip',
  },
  docker: {
    index: 'application/vnd.docker.distribution.manifest.list.v2+json',
    manifest: 'application/vnd.docker.distribution.manifest.v2+json',
    config: 'application/vnd.docker.container.image.v1+json',
    layer: 'application/vnd.docker.image.rootfs.diff.tar.gzip',
  },
} as const;

/** All four media types: with fewer, a registry may answer 404, or the amd64 child of a list. */
const ACCEPT = [MEDIA_TYPES.oci, MEDIA_TYPES.docker].flatMap((types) => [types.index, types.manifest]).join(', ');

const REVISION_LABEL = 'org.opencontainers.image.revision';
const MISBEHAVE_LABEL = 'dev.canary.misbehave';
const FLOOR_LABEL = 'canary.rollback-floor';
const TIMEOUT_MS = 10_000; // The registry is on this machine: a longer request hangs.

/** Pushes one build for all its platforms and tags it; the same spec gives the same digests on every machine. */
export async function pushBuild(spec: BuildSpec): Promise<{ digest: string; children: string[] }> {
  const types = MEDIA_TYPES[spec.kind ?? 'oci'];
  const tar = tarOf('build.txt', `${spec.repository} ${spec.sha}\n`);
  const layer = await pushBlob(spec, gzip(tar));
  const children = await Promise.all(
    (spec.platforms ?? ['linux/amd64', 'linux/arm64']).map(async (platform) => {
      const [os, architecture] = platform.split('/');
      const labels = {
        [REVISION_LABEL]: spec.sha,
        [MISBEHAVE_LABEL]: spec.misbehave ?? '',
        ...(spec.floor !== undefined && { [FLOOR_LABEL]: spec.floor }),
      };
      const config = await pushBlob(
        spec,
        json({ architecture, os, config: { Labels: labels }, rootfs: { type: 'layers', diff_ids: [digestOf(tar)] } }),
      );
      const manifest = json({
        schemaVersion: 2,
        mediaType: types.manifest,
        config: { mediaType: types.config, ...config },
        layers: [{ mediaType: types.layer, ...layer }],
      });
      await putManifest(spec, digestOf(manifest), types.manifest, manifest);
      return {
        mediaType: types.manifest,
        digest: digestOf(manifest),
        size: manifest.length,
        platform: { os, architecture },
      };
    }),
  );
  const index = json({ schemaVersion: 2, mediaType: types.index, manifests: children });
  await putManifest(spec, spec.tag, types.index, index);
  return { digest: digestOf(index), children: children.map((child) => child.digest) };
}

/** Digest that a tag points to, computed from the bytes that the registry serves; undefined if there is no such tag. */
export async function tagDigest(registry: string, repository: string, reference: string): Promise<string | undefined> {
  const found = await getManifest({ registry, repository }, reference);
  return found && digestOf(found.bytes);
}

/** Points tag `to` at what `from` (tag or digest) points to, as the fleet's provisioner does with `:canary`. */
export async function retag(spec: Repository & { from: string; to: string }): Promise<string> {
  const found = await getManifest(spec, spec.from);
  if (!found) throw new Error(`nothing to retag: no ${spec.repository}:${spec.from} on ${spec.registry}`);
  await putManifest(spec, spec.to, found.mediaType, found.bytes);
  return digestOf(found.bytes);
}

/** Reads the build of a tag as an auto-updater does: tag → index → manifest of the platform → image config → labels.
 * @returns undefined if there is no such tag, or if it is where `unlessDigest` says */
export async function pullBuild(
  spec: Repository & { tag: string; platform?: string },
  unlessDigest?: string,
): Promise<PulledBuild | undefined> {
  const top = await getManifest(spec, spec.tag);
  if (!top || digestOf(top.bytes) === unlessDigest) return undefined;
  const [os, architecture] = (spec.platform ?? 'linux/amd64').split('/');
  const index: { manifests: { digest: string; platform: { os: string; architecture: string } }[] } = parse(top.bytes);
  const child = index.manifests.find((m) => m.platform.os === os && m.platform.architecture === architecture);
  if (!child) throw new Error(`${spec.repository}:${spec.tag} has no ${os}/${architecture}`);
  const manifest = await getManifest(spec, child.digest);
  if (!manifest) throw new Error(`${spec.repository}@${child.digest} is gone, a child of :${spec.tag}`);
  const { config }: { config: { digest: string } } = parse(manifest.bytes);
  const blob = await call(spec, `blobs/${config.digest}`, { method: 'GET' }, [200]);
  const image: { config: { Labels: Record<string, string> } } = parse(blob.bytes);
  const labels = image.config.Labels;
  return { digest: digestOf(top.bytes), sha: labels[REVISION_LABEL] ?? '', misbehave: labels[MISBEHAVE_LABEL] ?? '' };
}

async function getManifest(
  at: Repository,
  reference: string,
): Promise<{ bytes: Buffer; mediaType: string } | undefined> {
  const headers = { accept: ACCEPT };
  const { status, bytes, header } = await call(at, `manifests/${reference}`, { method: 'GET', headers }, [200, 404]);
  return status === 404 ? undefined : { bytes, mediaType: header('content-type') ?? '' };
}

async function putManifest(at: Repository, reference: string, mediaType: string, bytes: Buffer): Promise<void> {
  const headers = { 'content-type': mediaType };
  await call(at, `manifests/${reference}`, { method: 'PUT', headers, body: bytes }, [201]);
}

async function pushBlob(at: Repository, bytes: Buffer): Promise<{ digest: string; size: number }> {
  const started = await call(at, 'blobs/uploads/', { method: 'POST' }, [202]);
  const location = new URL(started.header('location') ?? '', `http://${at.registry}`);
  location.searchParams.set('digest', digestOf(bytes));
  const headers = { 'content-type': 'application/octet-stream' };
  await call(at, location, { method: 'PUT', headers, body: bytes }, [201]);
  return { digest: digestOf(bytes), size: bytes.length };
}

interface Asked {
  readonly method: string;
  readonly headers?: Record<string, string>;
  readonly body?: Buffer;
}

interface Answered {
  readonly status: number;
  readonly bytes: Buffer;
  header(name: string): string | undefined;
}

/** A registry of this process is asked without the network, which costs a tenth. */
async function call(at: Repository, path: string | URL, asked: Asked, expected: number[]): Promise<Answered> {
  const url = typeof path === 'string' ? new URL(`http://${at.registry}/v2/${at.repository}/${path}`) : path;
  const answered = (await fromThisProcess(url, asked)) ?? (await fromTheNetwork(url, asked));
  if (expected.includes(answered.status)) return answered;
  throw new Error(`${asked.method} ${url}: ${answered.status} ${answered.bytes.toString().slice(0, 300)}`);
}

async function fromThisProcess(url: URL, { method, headers = {}, body }: Asked): Promise<Answered | undefined> {
  const request = { method, path: url.pathname, query: url.searchParams, headers, body: body ?? Buffer.alloc(0) };
  const answer = await askOfThisProcess(url.host, request);
  if (answer === undefined) return undefined;
  if (answer === 'drop' || answer === 'hang') throw new Error(`${method} ${url}: the registry would ${answer} it`);
  return { status: answer.status, bytes: answer.body ?? Buffer.alloc(0), header: (name) => answer.headers[name] };
}

async function fromTheNetwork(url: URL, { method, headers = {}, body }: Asked): Promise<Answered> {
  const init = { method, headers, ...(body && { body: new Uint8Array(body) }) };
  const response = await fetch(url, { ...init, signal: AbortSignal.timeout(TIMEOUT_MS) });
  const bytes = Buffer.from(await response.arrayBuffer());
  return { status: response.status, bytes, header: (name) => response.headers.get(name) ?? undefined };
}

function parse<T>(bytes: Buffer): T {
  return JSON.parse(bytes.toString());
}

function json(value: unknown): Buffer {
  return Buffer.from(JSON.stringify(value));
}

/** gzip without compression, and with the OS byte "unknown": the digest must not depend on the zlib version or the system. */
function gzip(bytes: Buffer): Buffer {
  const zipped = gzipSync(bytes, { level: 0 });
  zipped[9] = 255;
  return zipped;
}

/** A ustar archive of one file: a header block, the content padded to 512, two zero blocks. */
function tarOf(name: string, content: string): Buffer {
  const header = Buffer.alloc(512);
  const octal = (value: number, width: number) => `${value.toString(8).padStart(width - 1, '0')}\0`;
  const put = (text: string, offset: number) => header.write(text, offset, 'ascii');
  put(name, 0);
  put(octal(0o644, 8), 100);
  put(octal(0, 8) + octal(0, 8), 108);
  put(octal(Buffer.byteLength(content), 12) + octal(0, 12), 124);
  put('        0', 148); // the checksum counts itself as eight spaces; then the type, "0": a plain file
  put('ustar\x0000', 257);
  put(
    `${octal(
      header.reduce((sum, byte) => sum + byte, 0),
      7,
    )} `,
    148,
  );
  const body = Buffer.alloc(Math.ceil(Buffer.byteLength(content) / 512) * 512);
  body.write(content);
  return Buffer.concat([header, body, Buffer.alloc(1024)]);
}
