import type { Config } from '../../config/schema.js';
import { moveLatestId } from '../../contract/ids.js';
import type { Repository } from '../../contract/image.js';
import { areOnOneBuild, isWhole, type MovedImage, type MoveInput, type RecordedImage } from '../../contract/move.js';
import type { PinnedImage, RollbackInput } from '../../contract/release.js';
import {
  belowFloor,
  foreignRevisions,
  leftOut,
  missingAttestations,
  missingPlatforms,
  targetOf,
} from '../../domain/one-build.js';
import { lastMoveOf } from '../../lane/ledger.js';
import { floorEvidence } from '../../lane/rollback.js';
import type { LedgerCopy } from '../../ledger/copy.js';
import { moveTags } from '../../move/move-tags.js';
import { readMissing, resolveBuild } from '../../move/resolve-build.js';
import { NO_EVIDENCE, withFloor } from '../../move/rollback-floor.js';
import { MOVE_WAITS } from '../../move/waits.js';
import type { MoveAuthorizer } from '../../move/write-lease.js';
import { withDeadline } from '../../net/deadline.js';
import type { Registry } from '../../registry/context.js';
import { getManifest } from '../../registry/get-manifest.js';
import { RegistryError } from '../../registry/transport/errors.js';
import type { Io } from '../command.js';
import { EXIT } from '../exit-codes.js';
import { throttledProgress } from '../print/move-progress.js';
import { againstCopy, IN_DOUBT, ledgerKeys, notOfThisMachine, readLedgerCopy } from './ledger-copy.js';
import { withRegistry } from './with-registry.js';

/** Longest time, in milliseconds, for what a forced rollback only tells. */
const TOLD_MS = 3_000;

/**
 * Moves `:latest` from this machine with registry credentials alone, for when Temporal is down and production is broken: the one
 * exception to invariant I4. The JSON record on stdout is the only record of it. What is known bad, what was live, and which digests a build had,
 * is known from the copy of the ledger in the registry.
 */
export function directRollback(input: RollbackInput, io: Io): Promise<number> {
  return withRegistry(io, async (registry, config) => {
    // By force no one asks Temporal, so its client is not even loaded.
    const against = input.force ? null : await (await import('./reason-against.js')).reasonAgainst(io, config.lane);
    if (against !== null) {
      io.err(`canary: --direct refused: ${against} (--direct --force moves anyway)`);
      return EXIT.refused;
    }
    try {
      return await (input.force ? forced : guarded)({ registry, input, config, keys: ledgerKeys(io), io });
    } catch (error) {
      if (!(error instanceof RegistryError)) throw error;
      io.err(`canary: nothing was moved: ${error.message}`);
      return EXIT.fault;
    }
  });
}

interface Direct {
  registry: Registry;
  input: RollbackInput;
  config: Pick<Config, 'images' | 'optionalImages' | 'lane'>;
  keys: ReturnType<typeof ledgerKeys>;
  io: Io;
}

/** Reads all that speaks against the move first, and refuses it if anything does. */
async function guarded(direct: Direct): Promise<number> {
  const { registry, input, config, keys, io } = direct;
  const byTag = pin(direct);
  // Both at once: in most cases the tag decides, for there is no copy that is signed. Whether it fails is known when the copy is.
  byTag.catch(() => undefined);
  const { copy, problems } = await readLedgerCopy(registry, config, keys, io);
  const { pinned: resolved, at } = (await pinKnown(direct, copy)) ?? (await byTag);
  const evidence = copy?.isSigned ? floorEvidence(copy.ledger, input.sha) : NO_EVIDENCE;
  const pinned = await withFloor(registry, input.sha, resolved, evidence, io.signal);
  const notMoved = notOfThisMachine(copy, input.sha, config.images);
  for (const line of [...missingAttestations(pinned), ...notMoved.map(leftLine)]) warn(io, line);
  const doubts = [
    ...againstCopy(registry, input, copy, pinned),
    ...(problems.length > 0 ? [IN_DOUBT] : []),
    ...foreignRevisions(input, pinned).map(({ text }) => text),
    ...belowFloor(pinned),
    ...missingPlatforms(pinned),
    ...leftOut(absent(direct, pinned)),
  ];
  if (doubts.length === 0) return write(direct, pinned, at, notMoved);
  io.err(`canary: ${doubts.join('; ')}: nothing was moved (--force moves anyway)`);
  return EXIT.refused;
}

/** Waits only for what tells where to move to: the tag, and a copy of the ledger that a payload key may have signed. All else is told beside the move. */
async function forced(direct: Direct): Promise<number> {
  const { registry, input, config, keys, io } = direct;
  const byTag = pin(direct);
  byTag.catch(() => undefined);
  const readCopy = (signal: AbortSignal) => readLedgerCopy(registry, config, keys, { err: io.err, signal });
  const copying = keys ? readCopy(io.signal) : beside(io, readCopy);
  let telling: Promise<unknown> = copying;
  try {
    const copy = keys && ((await copying)?.copy ?? null);
    const { pinned, at } = (await pinKnown(direct, copy)) ?? (await byTag);
    telling = beside(io, async (signal) => {
      const missing = async (image: PinnedImage) =>
        readMissing(registry, await getManifest(registry, image.repository, image.digest, signal), signal);
      const looked = await Promise.all(pinned.map(async (image) => ({ ...image, missing: await missing(image) })));
      const copy = (await copying)?.copy ?? null;
      const against = againstCopy(registry, input, copy, looked);
      const left = notOfThisMachine(copy, input.sha, config.images).map(leftLine);
      for (const line of [...against, ...missingAttestations(looked), ...missingPlatforms(looked), ...left])
        warn(io, line);
    });
    for (const line of leftOut(absent(direct, pinned))) warn(io, line);
    return await write(direct, pinned, at, notOfThisMachine(copy, input.sha, config.images));
  } finally {
    await Promise.allSettled([copying, telling]);
  }
}

/** What only informs a person: null if it fails, or takes too long. */
const beside = <T>(io: Io, read: (signal: AbortSignal) => Promise<T>): Promise<T | null> =>
  withDeadline(TOLD_MS, io.signal, read).catch(() => null);

const leftLine = (repository: Repository) => `${repository} stays where it is: it is not one of CANARY_IMAGES`;

const warn = (io: Io, line: string) => io.err(`canary: warning: ${line}`);

/** Images of the target, and when they were asked for, by `performance.now()`. By force only what must be known to move them is read. */
async function pin({ registry, input, config, io }: Direct, known: RecordedImage[] = []) {
  const at = performance.now();
  const { images, optionalImages: optional } = config;
  const options = { known, incomplete: true, bare: input.force === true, optional };
  return { pinned: await resolveBuild(registry, input.sha, images, io.signal, options), at };
}

/** The same by the digests of a copy; null without any. Those of one that anybody may have made are not moved to. */
async function pinKnown(direct: Direct, copy: LedgerCopy | null) {
  const known = copy?.isSigned ? (lastMoveOf(copy.ledger, direct.input.sha)?.images ?? []) : [];
  return known.length > 0 ? pin(direct, known) : null;
}

const absent = ({ config: { images } }: Direct, pinned: PinnedImage[]) =>
  images.filter((image) => !pinned.some(({ repository }) => repository === image));

/** Writes the images, whose `:latest` was asked for at `observedAt`, and prints the record. */
async function write(
  { registry, input, config, io }: Direct,
  pinned: PinnedImage[],
  observedAt: number,
  notMoved: Repository[],
) {
  const { sha, reason, requestedBy: by = 'unknown' } = input;
  const targets = pinned.map(targetOf);
  const moveInput: MoveInput = { kind: 'rollback', sha, images: targets, by, reason };
  const movedImages = await moveTags({
    registry,
    input: moveInput,
    observed: pinned.map(({ repository, latest }) => ({ repository, digest: latest })),
    observedAt,
    authorizer: MANUAL_AUTHORIZER,
    waits: MOVE_WAITS,
    begun: false,
    retried: false,
    onBegin() {
      io.err(
        `moving :${registry.latest} of ${targets.length} images to ${sha}; Ctrl-C waits until the images are on one build`,
      );
      warn(
        io,
        `a mover may be alive and go on later; this ends it: temporal workflow terminate --workflow-id ${moveLatestId(config.lane)}`,
      );
    },
    onTrouble: throttledProgress((line) => io.err(line)),
    signal: io.signal,
  });
  const outcome = moveOutcome(movedImages);
  io.out(
    JSON.stringify({
      event: 'latest.moved',
      direct: true,
      at: new Date().toISOString(),
      outcome,
      sha,
      by,
      reason,
      images: movedImages,
      ...(notMoved.length > 0 && { notMoved }),
    }),
  );
  return outcome === 'rolled-back' || outcome === 'already' ? EXIT.done : EXIT.fault;
}

function moveOutcome(movedImages: MovedImage[]) {
  if (!isWhole(movedImages)) return areOnOneBuild(movedImages) ? 'MoveFailed' : 'PairSplit';
  return movedImages.every(({ previous, digest }) => previous === digest) ? 'already' : 'rolled-back';
}

/** Authorized by the person who runs it: without Temporal no mover is running. */
const MANUAL_AUTHORIZER: MoveAuthorizer = {
  authorize: async () => 'granted' as const,
  movedWithin: async () => false,
};
