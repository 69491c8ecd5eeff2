import { shortIdentity } from '../../config/hash.js';
import type { Config } from '../../config/schema.js';
import { type Lane, moveLatestId, taskQueue } from '../../contract/ids.js';
import { areOnOneBuild, isWhole, type MovedImage, type MoveInput } from '../../contract/move.js';
import type { RollbackInput } from '../../contract/release.js';
import { foreignRevisions, missingAttestations, missingPlatforms } from '../../domain/one-build.js';
import { lastMoveOf, whyKnownBad } from '../../lane/ledger.js';
import { moveTags } from '../../move/move-tags.js';
import { preflight } from '../../move/preflight.js';
import { resolveBuild } from '../../move/resolve-build.js';
import { MOVE_WAITS } from '../../move/waits.js';
import type { MoveAuthorizer } from '../../move/write-lease.js';
import type { Registry } from '../../registry/context.js';
import { RegistryError } from '../../registry/transport/errors.js';
import { TemporalUnreachable, withClient } from '../../temporal/connect.js';
import { isUnserved } from '../../temporal/lane-view.js';
import { KEY_FILE, payloadKeys } from '../../temporal/payloads/keys.js';
import { workersOn } from '../../temporal/pollers.js';
import type { Io } from '../command.js';
import { EXIT } from '../exit-codes.js';
import { throttledProgress } from '../print/move-progress.js';
import { readLedgerCopy } from './ledger-copy.js';
import { withRegistry } from './with-registry.js';

/**
 * Moves `:latest` from this machine with registry credentials alone, for when Temporal is down and production is broken: the one
 * exception to invariant I4. The JSON record on stdout is the only record of it. What is known bad, and which digests a build had, is known
 * from the copy of the ledger in the registry.
 */
export function directRollback(input: RollbackInput, io: Io): Promise<number> {
  return withRegistry(io, async (registry, { images, lane }) => {
    const against = input.force ? null : await reasonAgainst(io, lane);
    if (against !== null) {
      io.err(`canary: --direct refused: ${against} (--direct --force moves anyway)`);
      return EXIT.refused;
    }
    try {
      return await move(registry, input, { images, lane }, io);
    } catch (error) {
      if (!(error instanceof RegistryError)) throw error;
      io.err(`canary: nothing was moved: ${error.message}`);
      return EXIT.fault;
    }
  });
}

async function move(
  registry: Registry,
  input: RollbackInput,
  { images, lane }: Pick<Config, 'images' | 'lane'>,
  io: Io,
) {
  const { sha, reason, requestedBy: by = 'unknown', force } = input;
  const copy = await readLedgerCopy(registry, { images, lane }, io);
  // The digests of a copy that anybody may have made are not moved to.
  const known = copy?.isSigned ? (lastMoveOf(copy.ledger, sha)?.images ?? []) : [];
  const pinned = await resolveBuild(registry, sha, images, io.signal, { known, incomplete: true });
  for (const warning of missingAttestations(pinned)) io.err(`canary: warning: ${warning}`);
  const bad = copy && whyKnownBad(copy.ledger, sha);
  const doubts = [
    ...(bad ? [`${sha} was ${bad}`] : []),
    ...foreignRevisions(input, pinned),
    ...missingPlatforms(pinned),
  ];
  if (doubts.length > 0 && !force) {
    io.err(`canary: ${doubts.join('; ')}: nothing was moved (--force moves anyway)`);
    return EXIT.refused;
  }
  const targets = pinned.map(({ repository, digest, latest }) => ({ repository, to: digest, from: latest }));
  const moveInput: MoveInput = { kind: 'rollback', sha, images: targets, by, reason };
  const observed = await preflight(registry, moveInput, io.signal, (line) => io.err(`canary: warning: ${line}`));
  const movedImages = await moveTags({
    registry,
    input: moveInput,
    observed,
    authorizer: MANUAL_AUTHORIZER,
    waits: MOVE_WAITS,
    begun: false,
    retried: false,
    onBegin() {
      io.err(`moving :latest of ${images.length} images to ${sha}; Ctrl-C waits until the images are on one build`);
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

function moveOutcome(movedImages: MovedImage[]) {
  if (!isWhole(movedImages)) return areOnOneBuild(movedImages) ? 'MoveFailed' : 'PairSplit';
  return movedImages.every(({ previous, digest }) => previous === digest) ? 'already' : 'rolled-back';
}

/** Authorized by the person who runs it: without Temporal no mover is running. */
const MANUAL_AUTHORIZER: MoveAuthorizer = {
  authorize: async () => 'granted' as const,
  movedWithin: async () => false,
};

/** Why `canary rollback` is the better way; null if Temporal does not answer, cannot read its database, or no worker polls. Wrong credentials of this shell show none of it. */
async function reasonAgainst(io: Io, lane: Lane): Promise<string | null> {
  const queue = taskQueue(lane);
  try {
    return await withClient(readableEnv(io.env), async (client) => {
      const [workers, unserved] = await Promise.all([workersOn(client, queue), isUnserved(client, lane)]);
      if (workers.length === 0) return null;
      const who = workers.map(shortIdentity).join(', ');
      return unserved
        ? `${who} polled ${queue} in the last 90 s, and may write; but none carries out a task of the lane: canary rollback … --force goes on after 60 s, if a worker runs`
        : `${who} polls ${queue}, so canary rollback works: its first write is out within 30 s`;
    });
  } catch (error) {
    if (!(error instanceof TemporalUnreachable)) throw error;
    return error.passes ? null : error.message;
  }
}

/** The environment without a key file that cannot be read: a rollback does not depend on it. */
function readableEnv(env: Io['env']): Io['env'] {
  try {
    payloadKeys(env);
    return env;
  } catch {
    return { ...env, [KEY_FILE]: '' };
  }
}
