import type { Config } from '../../config/schema.js';
import { moveLatestId } from '../../contract/ids.js';
import type { Repository } from '../../contract/image.js';
import { areOnOneBuild, isWhole, type MovedImage, type MoveInput } from '../../contract/move.js';
import type { RollbackInput } from '../../contract/release.js';
import {
  belowFloor,
  foreignRevisions,
  leftOut,
  missingAttestations,
  missingPlatforms,
  targetOf,
} from '../../domain/one-build.js';
import { lastMoveOf, whyKnownBad } from '../../lane/ledger.js';
import { floorEvidence } from '../../lane/rollback.js';
import { moveTags } from '../../move/move-tags.js';
import { resolveBuild } from '../../move/resolve-build.js';
import { NO_EVIDENCE, withFloor } from '../../move/rollback-floor.js';
import { MOVE_WAITS } from '../../move/waits.js';
import type { MoveAuthorizer } from '../../move/write-lease.js';
import type { Registry } from '../../registry/context.js';
import { probeWrite } from '../../registry/probe-write.js';
import { RegistryError } from '../../registry/transport/errors.js';
import type { Io } from '../command.js';
import { EXIT } from '../exit-codes.js';
import { throttledProgress } from '../print/move-progress.js';
import { differingTag, readLedgerCopy } from './ledger-copy.js';
import { withRegistry } from './with-registry.js';

/**
 * Moves `:latest` from this machine with registry credentials alone, for when Temporal is down and production is broken: the one
 * exception to invariant I4. The JSON record on stdout is the only record of it. What is known bad, and which digests a build had, is known
 * from the copy of the ledger in the registry.
 */
export function directRollback(input: RollbackInput, io: Io): Promise<number> {
  return withRegistry(io, async (registry, config) => {
    // By force nobody asks Temporal, so its client is not even loaded.
    const against = input.force ? null : await (await import('./reason-against.js')).reasonAgainst(io, config.lane);
    if (against !== null) {
      io.err(`canary: --direct refused: ${against} (--direct --force moves anyway)`);
      return EXIT.refused;
    }
    const probes = config.images.map((repository) => refusalOf(registry, repository, io.signal));
    for (const probe of probes) probe.catch(() => undefined);
    try {
      return await move(registry, input, config, probes, io);
    } catch (error) {
      if (!(error instanceof RegistryError)) throw error;
      io.err(`canary: nothing was moved: ${error.message}`);
      return EXIT.fault;
    } finally {
      // Each cancels the upload that it began, also if nothing is moved.
      await Promise.allSettled(probes);
    }
  });
}

async function move(
  registry: Registry,
  input: RollbackInput,
  { images, optionalImages: optional, lane }: Pick<Config, 'images' | 'optionalImages' | 'lane'>,
  probes: Promise<string | null>[],
  io: Io,
) {
  const { sha, reason, requestedBy: by = 'unknown', force } = input;
  const options = { incomplete: true, optional };
  // Both at once: in most cases the tag decides, for there is no copy that is signed.
  const byTag = resolveBuild(registry, sha, images, io.signal, options);
  // Whether it fails is known when the copy is; until then that is not unhandled.
  byTag.catch(() => undefined);
  const copy = await readLedgerCopy(registry, { images, lane }, io);
  // The digests of a copy that anybody may have made are not moved to.
  const known = copy?.isSigned ? (lastMoveOf(copy.ledger, sha)?.images ?? []) : [];
  const resolved =
    known.length > 0 ? await resolveBuild(registry, sha, images, io.signal, { ...options, known }) : await byTag;
  const evidence = copy?.isSigned ? floorEvidence(copy.ledger, sha) : NO_EVIDENCE;
  const pinned = force ? resolved : await withFloor(registry, sha, resolved, evidence, io.signal);
  const absent = images.filter((image) => !pinned.some(({ repository }) => repository === image));
  for (const warning of missingAttestations(pinned)) io.err(`canary: warning: ${warning}`);
  const bad = copy && whyKnownBad(copy.ledger, sha);
  const otherTag = copy && differingTag(copy, registry);
  const doubts = [
    ...(bad ? [`${sha} was ${bad}`] : []),
    ...(otherTag ? [otherTag] : []),
    ...foreignRevisions(input, pinned),
    ...belowFloor(pinned),
    ...missingPlatforms(pinned),
    ...leftOut(absent),
  ];
  if (doubts.length > 0 && !force) {
    io.err(`canary: ${doubts.join('; ')}: nothing was moved (--force moves anyway)`);
    return EXIT.refused;
  }
  const targets = pinned.map(targetOf);
  const moveInput: MoveInput = { kind: 'rollback', sha, images: targets, by, reason };
  // A PUT decides about rights.
  for (const why of await Promise.all(probes)) if (why !== null) io.err(`canary: warning: ${why}`);
  const movedImages = await moveTags({
    registry,
    input: moveInput,
    observed: pinned.map(({ repository, latest }) => ({ repository, digest: latest })),
    authorizer: MANUAL_AUTHORIZER,
    waits: MOVE_WAITS,
    begun: false,
    retried: false,
    onBegin() {
      io.err(
        `moving :${registry.latest} of ${targets.length} images to ${sha}; Ctrl-C waits until the images are on one build`,
      );
      io.err(
        `canary: warning: a mover may be alive and go on later; this ends it: temporal workflow terminate --workflow-id ${moveLatestId(lane)}`,
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
    }),
  );
  return outcome === 'rolled-back' || outcome === 'already' ? EXIT.done : EXIT.fault;
}

/** Why the credentials may not write to a repository; null if they may. */
async function refusalOf(registry: Registry, repository: Repository, signal: AbortSignal): Promise<string | null> {
  try {
    await probeWrite(registry, repository, signal);
    return null;
  } catch (error) {
    if (!(error instanceof RegistryError)) throw error;
    return error.message;
  }
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
