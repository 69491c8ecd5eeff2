import { InvalidInput, invalid } from '../../contract/brand.js';
import { isWaitedFor } from '../../contract/hold.js';
import { laneOf, releaseId } from '../../contract/ids.js';
import { isDigest, parseDigest, parseRepository } from '../../contract/image.js';
import type {
  HolderReport,
  LaneRequest,
  MoveQuestion,
  MoveReport,
  Revocation,
  RollbackRequest,
  RunRef,
} from '../../contract/lane.js';
import {
  MOVE_OUTCOMES,
  type MovedImage,
  type MoveInput,
  type MoveOutcome,
  type MoveTarget,
  parseMoveInput,
  type RecordedImage,
  type TagState,
} from '../../contract/move.js';
import { parseSha, type Sha } from '../../contract/sha.js';
import { FORGED_NAME, isForgedName } from '../../domain/approvers.js';
import { MAX_REASON } from '../../domain/decide.js';
import { fieldsOf, isMoment, isRunId, isSha, isText, textOf } from '../../domain/payloads/fields.js';

import { MAX_IMAGES } from '../limits.js';

// Payloads of runs and movers are parsed by hand: any client may send any payload, and a handler that throws anything but a failure
// stops the lane for good (docs/protocol.md, Messages that cannot break a run).

/** Parses a release's request for the lane; null if it is invalid, or names another id than that of the release of its build. */
export function parseLaneRequest(sent: unknown): LaneRequest | null {
  const { workflowId, runId, sha, sequence, manual, promoteOnly, force, recheck } = fieldsOf(sent);
  if (!isText(workflowId) || !isRunId(runId) || !isSha(sha) || !isReleaseOf(workflowId, sha as Sha)) return null;
  const numbered = Number.isSafeInteger(sequence) ? { sequence: sequence as number } : {};
  return {
    workflowId,
    runId,
    sha: sha as Sha,
    ...numbered,
    ...(manual === true && { manual }),
    ...(promoteOnly === true && { promoteOnly }),
    ...(force === true && { force }),
    ...(recheck === true && { recheck }),
  };
}

/** Whether an id is that of the release of a build, on any lane. */
function isReleaseOf(workflowId: string, sha: Sha): boolean {
  try {
    return workflowId === releaseId(laneOf(workflowId), sha);
  } catch {
    return false;
  }
}

/** Parses the holder's report of its hold; null if it is invalid. */
export function parseHolderReport(sent: unknown): HolderReport | null {
  const { runId, heldFor } = fieldsOf(sent);
  if (!isRunId(runId)) return null;
  if (heldFor === null) return { runId, heldFor };
  const { hold, preemptibleAt, yields } = fieldsOf(heldFor);
  if (!isWaitedFor(hold) || !isMoment(preemptibleAt)) return null;
  return { runId, heldFor: { hold, preemptibleAt, ...(yields === true && { yields }) } };
}

/** Parses the lane's message to a release that it no longer holds it; null if it is invalid. */
export function parseRevocation(sent: unknown): (Revocation & { fencingToken: number }) | null {
  const { fencingToken, superseded, revoked, knownBad } = fieldsOf(sent);
  if (!Number.isSafeInteger(fencingToken)) return null;
  const token = { fencingToken: fencingToken as number };
  const [newer, why] = [textOf(superseded), textOf(revoked)];
  if (newer !== null) return { ...token, superseded: newer };
  return why === null ? null : { ...token, revoked: why, ...(knownBad === true && { knownBad }) };
}

/** Parses a mover's request for the write lease.
 * @throws {InvalidInput} */
export function parseMoveQuestion(sent: unknown): MoveQuestion {
  const { moverRunId, parent, input, begun, latest } = fieldsOf(sent);
  if (!Array.isArray(latest) || latest.length > MAX_IMAGES)
    throw new InvalidInput('invalid latest: expected where :latest of each image is');
  return {
    moverRunId: readRunId('moverRunId', moverRunId),
    parent: readRun(parent),
    input: parseMoveInput(input),
    begun: begun === true,
    latest: latest.map(parseTagState),
  };
}

/** Parses a mover's report.
 * @throws {InvalidInput} */
export function parseMoveReport(sent: unknown): MoveReport {
  const { moverRunId, parent, input, images } = fieldsOf(sent);
  if (images !== 'stopped' && !Array.isArray(images))
    throw new InvalidInput('invalid images: expected "stopped" or the result of each image');
  const order = parseMoveInput(input);
  return {
    moverRunId: readRunId('moverRunId', moverRunId),
    parent: readRun(parent),
    input: order,
    images: images === 'stopped' ? images : readMovedAll(order, images),
  };
}

/** Parses the announcement of a rollback.
 * @throws {InvalidInput} */
export function parseRollbackRequest(sent: unknown): RollbackRequest {
  const { sha, force, by, reason, images, onlyFrom } = fieldsOf(sent);
  return {
    ...readRun(sent),
    ...(Array.isArray(images) && { images: images.slice(0, MAX_IMAGES).map(parseTagState) }),
    sha: parseSha(sha),
    force: force === true,
    by: readClaimedName(by),
    reason: readReason('reason', reason),
    ...(onlyFrom !== undefined && { onlyFrom: parseSha(onlyFrom) }),
  };
}

/** Reads the name that a run was started with, which is never that of a verified identity. */
function readClaimedName(by: unknown): string {
  if (isForgedName(by)) throw new InvalidInput(`invalid by: ${FORGED_NAME}`);
  return readReason('by', by);
}

/** Parses where `:latest` of an image is.
 * @throws {InvalidInput} */
export function parseTagState(sent: unknown): TagState {
  const { repository, digest } = fieldsOf(sent);
  return { repository: parseRepository(repository), digest: readDigest(digest) };
}

/** Parses an image of a build, as the ledger recorded it.
 * @throws {InvalidInput} */
export function parseRecordedImage(sent: unknown): RecordedImage {
  const { unchanged, floor } = fieldsOf(sent);
  return {
    ...parseTagState(sent),
    ...(unchanged === true && { unchanged }),
    ...(floor !== undefined && { floor: parseSha(floor) }),
  };
}

function readRun(sent: unknown): RunRef {
  const { workflowId, runId } = fieldsOf(sent);
  return { workflowId: readText('workflowId', workflowId), runId: readRunId('runId', runId) };
}

function readRunId(name: string, sent: unknown): string {
  if (isRunId(sent)) return sent;
  throw invalid(name, sent, 'the id of a run');
}

/** Results of the images of a move, one for each. */
function readMovedAll({ images: targets }: MoveInput, sent: unknown[]): MovedImage[] {
  const images = sent.map(readMoved);
  const isOf = ({ repository, to }: MoveTarget) =>
    images.some((image) => image.repository === repository && image.digest === to);
  if (images.length !== targets.length || !targets.every(isOf))
    throw new InvalidInput('invalid images: expected the result of each image that was to be moved');
  return images;
}

/** Whether a value, which may be anything, is the result of a move. */
export function areMovedImages(sent: unknown): sent is MovedImage[] {
  try {
    return Array.isArray(sent) && sent.every((one) => readMoved(one));
  } catch {
    return false;
  }
}

function readMoved(sent: unknown): MovedImage {
  const { repository, digest, previous, result, latest, unchanged } = fieldsOf(sent);
  const target = parseDigest(digest);
  if (typeof result !== 'string' || !Object.hasOwn(MOVE_OUTCOMES, result))
    throw invalid('result', result, `one of ${Object.keys(MOVE_OUTCOMES).join(', ')}`);
  return {
    repository: parseRepository(repository),
    digest: target,
    previous: readDigest(previous),
    result: result as MoveOutcome,
    latest: readDigest(latest),
    ...(unchanged === true && { unchanged }),
  };
}

function readDigest(sent: unknown) {
  if (sent === null || isDigest(sent)) return sent;
  throw invalid('digest', sent, 'null, or sha256: and 64 lower-case hex digits');
}

/** Reads who, or why: the text as it was given, which is compared with the run's own before it is cut. */
function readReason(name: string, sent: unknown): string {
  if (typeof sent === 'string' && sent !== '' && sent.length <= MAX_REASON) return sent;
  throw invalid(name, sent, `text of 1 to ${MAX_REASON} characters`);
}

function readText(name: string, sent: unknown): string {
  if (isText(sent)) return sent;
  throw invalid(name, sent, 'text of 1 to 500 characters');
}
