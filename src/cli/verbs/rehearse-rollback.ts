import { type Lane, rollbackId } from '../../contract/ids.js';
import { stagingTag } from '../../contract/image.js';
import type { LaneState } from '../../contract/lane.js';
import type { RollbackInput } from '../../contract/release.js';
import { pushedAgain } from '../../domain/one-build.js';
import { digestsOfMove, type Foresight, foreseeRollback } from '../../lane/rollback.js';
import { readTag } from '../../registry/read-tag.js';
import { LANE_SAYS_NOTHING } from '../../temporal/lane-client.js';
import { isSilent, readLane } from '../../temporal/lane-view.js';
import { rejectionOf } from '../../temporal/run-record.js';
import { knownOrWhy } from '../ask-lane.js';
import type { Given, Io } from '../command.js';
import { EXIT } from '../exit-codes.js';
import { rehearse } from './rehearse.js';

interface Known {
  state: LaneState;
  rejected: string | null;
}

/** `rollback --dry-run`: what the registry says, and what the lane would mark and whether it would refuse; without the lane, the registry alone. */
export async function rehearseRollback(lane: Lane, input: RollbackInput, given: Given, io: Io): Promise<number> {
  const known = await whatIsKnown(lane, input, io);
  if (typeof known === 'string') {
    io.err(`canary: by the registry alone; what would be marked bad, or refused, is not known: ${known}`);
    return rehearse('rollback', input, given, io);
  }
  const { sha, reason, requestedBy: by = 'unknown', force = false } = input;
  const run = { workflowId: rollbackId(lane, sha), runId: 'dry run' };
  const { bad, ...said } = foreseeRollback(known.state, { ...run, sha, by, reason }, Date.now());
  return rehearse('rollback', input, given, io, {
    at: digestsOfMove(known.state, sha) ?? [],
    foretell: async (registry, pinned, doubts) => {
      const tags = await Promise.all(
        pinned.map(({ repository }) => readTag(registry, repository, stagingTag(sha), io.signal)),
      );
      const refused = [said.refused, known.rejected, ...doubts, ...pushedAgain(pinned, tags)].filter(
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

function linesOf({ bad, refused }: Foresight, force: boolean, sha: string): string[] {
  return [
    bad.length > 0 ? `would be marked bad: ${bad.join(', ')}` : 'no build would be marked bad',
    'automatic promotion would be held afterwards: the next GREEN build waits for approval',
    ...(refused && force ? [`forced, although: ${refused}`] : []),
    ...(refused && !force ? [`would be REFUSED: ${refused}`, `canary rollback ${sha} --force --reason …`] : []),
  ];
}

/** Or why nothing is. */
const whatIsKnown = (lane: Lane, { sha }: RollbackInput, io: Io): Promise<Known | string> =>
  knownOrWhy(io, async (client) => {
    const [state, rejected] = await Promise.all([readLane(client, lane), rejectionOf(client, lane, sha)]);
    return isSilent(state) ? LANE_SAYS_NOTHING[state] : { state, rejected };
  });
