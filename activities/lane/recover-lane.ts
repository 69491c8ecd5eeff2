import { type Client, WorkflowFailedError } from '@temporalio/client';
import { ApplicationFailure } from '@temporalio/common';
import type { FailureType } from '../../src/contract/failures.js';
import { type Lane, moveLatestId, releaseLaneId } from '../../src/contract/ids.js';
import type { KnownBadBuild, LaneState } from '../../src/contract/lane.js';
import type { MovedImage } from '../../src/contract/move.js';
import { areMovedImages } from '../../src/lane/payloads/parse.js';
import { knowsLess } from '../../src/lane/payloads/state.js';
import { emptyLane, putOnHold } from '../../src/lane/state.js';
import { withMarks } from '../../src/ledger/merge.js';
import type { FoundCopy } from '../../src/ledger/store.js';
import { type LaneRecord, readLaneRecord } from '../../src/temporal/records/lane-record.js';
import { scheduledAt } from '../clock.js';
import { earlierLanes, earlierMovers, LISTING_MS, ownStart, type Run } from './earlier-runs.js';
import { lost, NEXT, readAgain, withCopy } from './ledger-copy.js';

/** Answer if there is nothing to recover: this run continues the one before it. */
export type Continued = 'continued';

/**
 * Recovers the state of the last lane, as strictly as possible (docs/protocol.md, Recovery of the ledger): its whole state, by its history;
 * else what can be read of it, or the state of an earlier one, on hold; else where the last move left `:latest`, on hold; else null. The copy in the
 * registry is read unless all is known.
 * @param unread what this run began with, if a copy could not be read for it.
 * @param readCopies `isPatient`: a registry that does not answer is asked again, for some time.
 */
export async function recoverLane(
  client: Client,
  lane: Lane,
  { isCarried, unread }: { isCarried: boolean; unread: LaneState | null },
  readCopies: (isPatient: boolean) => Promise<FoundCopy>,
): Promise<LaneState | Continued | null> {
  const own = await ownStart(client, lane);
  if (isCarried && own.isContinued) {
    return unread ? readAgain(unread, await readCopies(false)) : 'continued';
  }
  const { lanes, isComplete } = await earlierLanes(client, lane, own);
  const recordOf = recordsOf(client, lane, lanes);
  let isCertain = isComplete;
  const marks: KnownBadBuild[] = [];
  for (const [index, run] of lanes.entries()) {
    const record = await recordOf(run);
    marks.push(...record.marks);
    isCertain &&= record.isWhole;
    // A lane that ended before it had recovered knew and changed nothing: the run before it is read.
    if (record.state === null) continue;
    const older = await olderRecord(recordOf, lanes.slice(index + 1));
    const known = older && knowsLess(record.state, older) ? older : isCertain ? null : record.state;
    if (known) return withCopy(incomplete(known, marks), await readCopies(true));
    const state = withOpenLease(record.state);
    return state.ledger.lost?.unread ? withCopy(state, await readCopies(true)) : state;
  }
  const last = await lastMove(client, lane, isComplete ? LISTING_MS : 0);
  return withCopy(last ?? (isComplete ? null : unlisted()), await readCopies(true));
}

/** State of a lane that cannot tell whether there was one before it. */
const unlisted = () =>
  lost(
    putOnHold(
      emptyLane(),
      'not-recovered',
      `Temporal did not list the earlier lanes within ${LISTING_MS / 1_000} s (${NEXT})`,
    ),
  );

/** Record of one of the closed lanes. */
type RecordOf = (run: Run) => Promise<LaneRecord>;

/** Reads each record once. */
function recordsOf(client: Client, lane: Lane, lanes: Run[]): RecordOf {
  const read = new Map<string, Promise<LaneRecord>>();
  const isKnown = (id: string) => lanes.some(({ runId }) => runId === id);
  return ({ runId }) => {
    const known = read.get(runId);
    if (known) return known;
    const record = readLaneRecord(client, { workflowId: releaseLaneId(lane), runId }, isKnown);
    read.set(runId, record);
    return record;
  };
}

/** Number of older lanes that are compared. */
const OLDER = 2;

/** What an older lane knew. */
async function olderRecord(recordOf: RecordOf, older: Run[]): Promise<LaneState | null> {
  for (const run of older.slice(0, OLDER)) {
    const { state } = await recordOf(run);
    if (state) return state;
  }
  return null;
}

/**
 * A state of which a part is lost, on hold, with every known-bad build that any lane knew: no build that was rolled back from comes back.
 * Whether a build is one of those that were lost is not known, so a person says from which sequence on builds are new.
 */
function incomplete(known: LaneState, marks: KnownBadBuild[]): LaneState {
  // What came since the copy was not read must be told from what the copy has.
  const state = lost(structuredClone(known), known.ledger.lost?.unread);
  return withOpenLease(putOnHold({ ...state, ledger: withMarks(state.ledger, marks) }, 'not-recovered', LOST));
}

const LOST = `a part of the ledger is lost: the last lane is gone, cannot be read, or knew less than one before it (${NEXT})`;

/** The last lane may have renewed an open lease without a record of it, until this one was started. */
function withOpenLease(state: LaneState): LaneState {
  const { move } = state;
  return move && move.leaseRevokedAt === undefined
    ? { ...state, move: { ...move, leaseGrantedAt: scheduledAt() } }
    : state;
}

/** State in which only the expected latest is known, from the newest move; null if that is unknown. */
async function lastMove(client: Client, lane: Lane, forMs: number): Promise<LaneState | null> {
  for (const { runId, isOpen, closeTime } of await earlierMovers(client, lane, forMs)) {
    const images = isOpen ? null : await movedBy(client, lane, runId);
    if (images?.length === 0) continue;
    if (images === null) return null;
    const why = `only the last move of the lane is known (${NEXT})`;
    const state = lost(putOnHold(emptyLane(), 'not-recovered', why));
    const tagStates = images.map(({ repository, latest }) => ({ repository, digest: latest }));
    state.ledger.expectedLatest = { images: tagStates, at: closeTime?.getTime() ?? scheduledAt() };
    return state;
  }
  return null;
}

/** Result of a mover that has ended: empty if it was refused; null if it is unknown. */
async function movedBy(client: Client, lane: Lane, runId: string): Promise<MovedImage[] | null> {
  try {
    const handle = client.workflow.getHandle(moveLatestId(lane), runId, { followRuns: false });
    const images: unknown = await handle.result();
    return areMovedImages(images) ? images : null;
  } catch (error) {
    const cause = error instanceof WorkflowFailedError ? error.cause : undefined;
    if (!(cause instanceof ApplicationFailure)) return null;
    if (cause.type === ('MoveRefused' satisfies FailureType)) return [];
    const [images] = cause.details ?? [];
    return areMovedImages(images) ? images : null;
  }
}
