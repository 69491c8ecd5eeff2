import { type Lane, rollbackId } from '../../contract/ids.js';
import { stagingTag } from '../../contract/image.js';
import type { LaneState } from '../../contract/lane.js';
import type { RollbackInput } from '../../contract/release.js';
import { pushedAgain } from '../../domain/one-build.js';
import { digestsOfMove, previewRollback, type RollbackPreview } from '../../lane/rollback.js';
import { readTag } from '../../registry/read-tag.js';
import { LANE_UNAVAILABLE } from '../../temporal/lane-client.js';
import { isUnavailable, readLane } from '../../temporal/lane-view.js';
import { rejectionOf } from '../../temporal/run-record.js';
import { queryOrReason } from '../ask-lane.js';
import type { Given, Io } from '../command.js';
import { EXIT } from '../exit-codes.js';
import { dryRun } from './rehearse.js';

interface RollbackContext {
  state: LaneState;
  rejected: string | null;
}

/** `rollback --dry-run`: what the registry says, and what the lane would mark and whether it would refuse; without the lane, the registry alone. */
export async function dryRunRollback(lane: Lane, input: RollbackInput, given: Given, io: Io): Promise<number> {
  const context = await readContext(lane, input, io);
  if (typeof context === 'string') {
    io.err(`canary: by the registry alone; what would be marked bad, or refused, is not known: ${context}`);
    return dryRun('rollback', input, given, io);
  }
  const { sha, reason, requestedBy: by = 'unknown', force = false } = input;
  const run = { workflowId: rollbackId(lane, sha), runId: 'dry run' };
  const { bad, ...preview } = previewRollback(context.state, { ...run, sha, by, reason }, Date.now());
  return dryRun('rollback', input, given, io, {
    recordedImages: digestsOfMove(context.state, sha) ?? [],
    preview: async (registry, pinned, doubts) => {
      const tags = await Promise.all(
        pinned.map(async ({ repository }) => ({
          repository,
          digest: await readTag(registry, repository, stagingTag(sha), io.signal),
        })),
      );
      const refused = [preview.refused, context.rejected, ...doubts, ...pushedAgain(pinned, tags)].filter(
        (why) => why !== null,
      );
      return {
        data: { bad, hold: 'after-rollback', refused },
        lines: linesOf({ bad, refused: refused.join('; ') || null }, force, sha),
        code: refused.length > 0 && !force ? EXIT.refused : EXIT.done,
      };
    },
  });
}

function linesOf({ bad, refused }: RollbackPreview, force: boolean, sha: string): string[] {
  return [
    bad.length > 0 ? `would be marked bad: ${bad.join(', ')}` : 'no build would be marked bad',
    'automatic promotion would be held afterwards: the next GREEN build waits for approval',
    ...(refused && force ? [`forced, although: ${refused}`] : []),
    ...(refused && !force ? [`would be REFUSED: ${refused}`, `canary rollback ${sha} --force --reason …`] : []),
  ];
}

/** Or why nothing is. */
const readContext = (lane: Lane, { sha }: RollbackInput, io: Io): Promise<RollbackContext | string> =>
  queryOrReason(io, async (client) => {
    const [state, rejected] = await Promise.all([readLane(client, lane), rejectionOf(client, lane, sha)]);
    return isUnavailable(state) ? LANE_UNAVAILABLE[state] : { state, rejected };
  });
