import { type Lane, rollbackId } from '../../contract/ids.js';
import { type Repository, stagingTag } from '../../contract/image.js';
import type { Ledger } from '../../contract/lane.js';
import type { RecordedImage } from '../../contract/move.js';
import type { RollbackInput } from '../../contract/release.js';
import type { Sha } from '../../contract/sha.js';
import { pushedAgain } from '../../domain/one-build.js';
import { foreignImagesOf, lastMoveOf } from '../../lane/ledger.js';
import { digestsOfMove, previewRollback } from '../../lane/rollback.js';
import { readTag } from '../../registry/read-tag.js';
import type { Given, Io } from '../command.js';
import { EXIT } from '../exit-codes.js';
import { type ContextOf, dryRun, type Preview, readState, withoutLedger } from './dry-run.js';
import { againstCopy, IN_DOUBT, ledgerKeys, notOfThisMachine, readLedgerCopy } from './ledger-copy.js';

/** `rollback --dry-run`: what the registry answers, what the lane would mark known bad, and whether it would refuse. If the lane
 * does not answer, the registry alone; with `--direct`, the copy of the ledger. */
export async function dryRunRollback(lane: Lane, input: RollbackInput, given: Given, io: Io): Promise<number> {
  if (given.options.direct) return dryRun('rollback', input, given, io, byCopy(input, io));
  const state = await readState(lane, io);
  if (typeof state === 'string') {
    io.err(
      `canary: by the registry alone; known-bad builds, and what the lane would refuse, are not checked: ${state}`,
    );
    const judged = withoutLedger((doubts) => refusal(doubts, input));
    return dryRun('rollback', input, given, io, judged);
  }
  const { sha, reason, requestedBy: by = 'unknown' } = input;
  const run = { workflowId: rollbackId(lane, sha), runId: 'dry run' };
  const recordedImages = digestsOfMove(state, sha) ?? [];
  return dryRun('rollback', input, given, io, (_registry, config) => ({
    ...imagesOf(state.ledger, sha, config.images, recordedImages),
    recordedImages,
    ledger: state.ledger,
    preview: async (registry, pinned, doubts) => {
      const request = {
        ...run,
        sha,
        by,
        reason,
        images: pinned.map(({ repository, digest }) => ({ repository, digest })),
      };
      const { bad, ...preview } = previewRollback(state, request, Date.now());
      const tags = await Promise.all(
        pinned.map(async ({ repository }) => ({
          repository,
          digest: await readTag(registry, repository, stagingTag(sha), io.signal),
        })),
      );
      const refused = [preview.refused, ...doubts, ...pushedAgain(pinned, tags)].filter((why) => why !== null);
      const { lines, data, code } = refusal(refused, input);
      return {
        data: { bad, hold: 'after-rollback', ...data },
        lines: [
          bad.length > 0 ? `would be marked bad: ${bad.join(', ')}` : 'no build would be marked bad',
          'automatic promotion would be held afterwards: the next GREEN build waits for approval',
          ...lines,
        ],
        code,
      };
    },
  }));
}

/** A rollback moves the images that the ledger has for the build, but none that this gate no longer has and never moved to it. */
function imagesOf(ledger: Ledger, sha: Sha, configured: Repository[], recorded: RecordedImage[]) {
  if (recorded.length === 0) return { images: configured };
  const left = foreignImagesOf(ledger, sha, configured);
  return { images: recorded.map(({ repository }) => repository).filter((image) => !left.includes(image)), left };
}

/** `rollback --direct --dry-run`: what that command would read, and whether it would refuse. */
const byCopy =
  (input: RollbackInput, io: Io): ContextOf =>
  async (registry, config) => {
    const { force, sha } = input;
    const against = force ? null : await (await import('./reason-against.js')).reasonAgainst(io, config.lane);
    const { copy, problems } = await readLedgerCopy(registry, config, ledgerKeys(io), io);
    const ledger = copy?.isSigned ? copy.ledger : null;
    return {
      images: config.images,
      left: notOfThisMachine(copy, sha, config.images),
      recordedImages: (ledger && lastMoveOf(ledger, sha)?.images) ?? [],
      ledger,
      preview(_same, pinned, doubts) {
        const doubted = [...againstCopy(registry, input, copy, pinned), ...(problems.length > 0 ? [IN_DOUBT] : [])];
        return refusal([...(against === null ? [] : [against]), ...doubted, ...doubts], input, ' --direct');
      },
    };
  };

/** What a rollback needs force for, as its dry run prints it. */
function refusal(refused: string[], { sha, force }: RollbackInput, direct = ''): Preview {
  const why = refused.join('; ');
  const isRefused = refused.length > 0 && !force;
  return {
    data: { refused },
    lines: [
      ...(why && force ? [`forced, although: ${why}`] : []),
      ...(isRefused ? [`would be REFUSED: ${why}`, `canary rollback ${sha}${direct} --force --reason …`] : []),
    ],
    code: isRefused ? EXIT.refused : EXIT.done,
  };
}
