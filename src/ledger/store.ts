import { createHash } from 'node:crypto';
import { InvalidInput } from '../contract/brand.js';
import type { Lane } from '../contract/ids.js';
import { type Digest, isDigest, type Repository, type Tag } from '../contract/image.js';
import type { Ledger } from '../contract/lane.js';
import { digestOf } from '../contract/move.js';
import { fieldsOf } from '../domain/payloads/fields.js';
import { whyKnownBad } from '../lane/ledger.js';
import type { Registry } from '../registry/context.js';
import { computeDigest, getManifest } from '../registry/get-manifest.js';
import { pushImage } from '../registry/push-image.js';
import { RegistryError, type RegistryErrorKind } from '../registry/transport/errors.js';
import { request } from '../registry/transport/request.js';
import type { PayloadKeys } from '../temporal/payloads/keys.js';
import { FutureCopy, generationOf, type LedgerCopy, openCopy, sealCopy } from './copy.js';
import { compressed, fileInLayer, MAX_FILE, tarOf } from './tar.js';

/** File in the layer of a copy. */
const FILE = 'ledger.json';

/** Tag of the copy of a lane's ledger, beside the images. */
export const ledgerTag = (lane: Lane): Tag => (lane === '' ? 'canary-ledger' : `canary-ledger-${lane}`) as Tag;

/** Whose ledger, where it is kept, and what signs it. */
export interface Keeper {
  registry: Registry;
  lane: Lane;
  /** Repository of the first image. */
  repository: Repository;
  keys: PayloadKeys | null;
  /** Time by which a copy is of the future, epoch in milliseconds; that of this machine if left out. */
  now?: number;
}

/** Known-bad builds of a copy that was replaced, of moves that the ledger does not have: a backup was restored. */
export interface LostMarks {
  lost: string[];
}

/** Writes the copy of a ledger, unless a newer one is there. Returns what it did; `corrected`: written over one of the future.
 * @throws {RegistryError} */
export async function keepLedger(
  keeper: Keeper,
  ledger: Ledger,
  signal?: AbortSignal,
): Promise<'kept' | 'newer' | 'corrected' | LostMarks> {
  const { registry, lane, repository, keys } = keeper;
  let isCorrected = false;
  const found = await readCopy(keeper, signal).catch((error: unknown) => {
    if (!(error instanceof InvalidInput)) throw error;
    // What does not count is replaced.
    isCorrected = error instanceof FutureCopy;
    return null;
  });
  if (found && found.generation > (generationOf(ledger) ?? 0)) return 'newer';
  // The one that moved last, which a worker has read before.
  const live = digestOf(ledger.expectedLatest?.images ?? [], repository);
  const mediaType = live ? await mediaTypeOf(registry, repository, live, signal) : '';
  const tar = tarOf(FILE, Buffer.from(sealCopy(ledger, { lane, repository, tag: registry.latest }, keys)));
  const config = {
    architecture: 'amd64',
    os: 'linux',
    config: { Labels: { 'org.opencontainers.image.title': 'ledger of the canary release gate: nothing to run' } },
    rootfs: { type: 'layers', diff_ids: [`sha256:${createHash('sha256').update(tar).digest('hex')}`] },
  };
  // A registry that has Docker's media types takes them; one that has OCI's may refuse them.
  const form = mediaType.includes('docker') ? 'docker' : 'oci';
  const image = { form, config: Buffer.from(JSON.stringify(config)), layer: compressed(tar) } as const;
  await pushImage(registry, repository, ledgerTag(lane), image, signal);
  const lost = found ? lostMarks(found.ledger, ledger) : [];
  if (lost.length > 0) return { lost };
  return isCorrected ? 'corrected' : 'kept';
}

/** Known-bad builds of a copy that a ledger does not have, nor the copy's last move: a mark that a person took off was in a copy of a move that it has. */
function lostMarks(copy: Ledger, ledger: Ledger): string[] {
  const last = copy.history.at(-1)?.at;
  if (last === undefined || ledger.history.some(({ at }) => at === last)) return [];
  const shas = [...copy.knownBad, ...copy.verdicts].map(({ sha }) => sha);
  return [...new Set(shas)].filter((sha) => whyKnownBad(copy, sha) !== null && whyKnownBad(ledger, sha) === null);
}

/** Media type of a manifest; empty if it is gone: a copy matters the more then. */
const mediaTypeOf = (registry: Registry, repository: Repository, digest: Digest, signal?: AbortSignal) =>
  getManifest(registry, repository, digest, signal).then(
    ({ mediaType }) => mediaType,
    (error: unknown) => {
      if (error instanceof RegistryError && error.kind === 'not-found') return '';
      throw error;
    },
  );

/** Reads the copy of a ledger; null without one.
 * @throws {RegistryError}; {InvalidInput} why what is there does not count. */
export async function readCopy(
  { registry, lane, repository, keys, now = Date.now() }: Keeper,
  signal?: AbortSignal,
): Promise<LedgerCopy | null> {
  const manifest = await getManifest(registry, repository, ledgerTag(lane), signal).catch((error: unknown) => {
    if (error instanceof RegistryError && error.kind === 'not-found') return null;
    throw unusable(error, ['integrity']);
  });
  if (manifest === null) return null;
  const [layer] = [fieldsOf(JSON.parse(Buffer.from(manifest.bytes).toString())).layers].flat();
  const { digest, size } = fieldsOf(layer);
  if (!isDigest(digest) || !(Number(size) <= MAX_FILE)) throw new InvalidInput('it has no layer of a ledger');
  const answer = await request(
    registry,
    { method: 'GET', repository, path: `blobs/${digest}`, actions: 'pull' },
    signal,
  ).catch((error: unknown) => {
    throw unusable(error, ['integrity', 'not-found']);
  });
  if (computeDigest(answer.body) !== digest) throw new InvalidInput('its bytes are not those of its digest');
  return openCopy(fileInLayer(answer.body, FILE).toString(), { lane, repository }, keys, now);
}

/** What no retry makes a copy: one that does not count. A login that cannot be read says nothing about the copy. */
function unusable(error: unknown, kinds: RegistryErrorKind[]): unknown {
  if (error instanceof RegistryError && kinds.includes(error.kind)) return new InvalidInput(error.message);
  return error instanceof InvalidInput ? new RegistryError('unauthorized', error.message) : error;
}

/** What the copies of a ledger say. */
export interface FoundCopy {
  /** Newest one; null without any that counts. */
  copy: LedgerCopy | null;
  /** Why one does not count, or could not be read, a line each. */
  problems: string[];
  /** Whether each registry has answered. A retry changes nothing then. */
  isAnswered: boolean;
}

/** Reads the copies in all repositories: the order of the images may have changed. Never throws but what the signal says. */
export async function findCopy(
  { repositories, ...keeper }: Omit<Keeper, 'repository'> & { repositories: readonly Repository[] },
  signal?: AbortSignal,
): Promise<FoundCopy> {
  const problems: string[] = [];
  let isAnswered = true;
  const found = await Promise.all(
    repositories.map((repository) =>
      readCopy({ ...keeper, repository }, signal).catch((error: unknown) => {
        signal?.throwIfAborted();
        isAnswered &&= error instanceof InvalidInput;
        const why = error instanceof RegistryError || error instanceof InvalidInput ? error.message : 'cannot be read';
        problems.push(`${repository}:${ledgerTag(keeper.lane)}: ${why}`);
        return null;
      }),
    ),
  );
  const [copy = null] = found.filter((one) => one !== null).sort((a, b) => b.generation - a.generation);
  return { copy, problems, isAnswered };
}
