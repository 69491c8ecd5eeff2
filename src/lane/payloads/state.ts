import { isDigest } from '../../contract/image.js';
import type { KnownBadBuild, LaneState } from '../../contract/lane.js';
import { fieldsOf, isSha } from '../../domain/payloads/fields.js';

// The state of a lane comes back as the input of its next run and as the answer of a closed one. Both may be forged: a shape that the
// rules do not know would fail every task of the lane.

/** Longest text in a state, in characters. */
const MAX_TEXT = 20_000;
/** Most items of a list in a state. */
const MAX_LIST = 2_000;

type Check = (value: unknown) => boolean;

const isLine: Check = (value) => typeof value === 'string' && value.length <= MAX_TEXT;
const isNumber: Check = Number.isFinite;
const isWhole: Check = Number.isSafeInteger;
const isFlag: Check = (value) => value === undefined || typeof value === 'boolean';
const oneOf =
  (...values: unknown[]): Check =>
  (value) =>
    values.includes(value);
const optional =
  (check: Check): Check =>
  (value) =>
    value === undefined || check(value);
const orNull =
  (check: Check): Check =>
  (value) =>
    value === null || check(value);
const listOf =
  (check: Check): Check =>
  (value) =>
    Array.isArray(value) && value.length <= MAX_LIST && value.every(check);
const recordOf =
  (check: Check): Check =>
  (value) =>
    isObject(value) && Object.keys(value as object).length <= MAX_LIST && Object.values(value as object).every(check);
const shape =
  (fields: Record<string, Check>): Check =>
  (value) =>
    isObject(value) && Object.entries(fields).every(([name, check]) => check(fieldsOf(value)[name]));
const isObject: Check = (value) => typeof value === 'object' && value !== null && !Array.isArray(value);

const REQUEST = {
  workflowId: isLine,
  runId: isLine,
  sha: isSha,
  sequence: optional(isWhole),
  manual: isFlag,
  promoteOnly: isFlag,
  force: isFlag,
  recheck: isFlag,
};
const isRevocation: Check = (value) =>
  shape({ superseded: isLine })(value) || shape({ revoked: isLine, knownBad: isFlag })(value);
const isRejection = shape({
  sha: isSha,
  verdict: oneOf('GREEN', 'RED'),
  failed: listOf(isLine),
  runId: isLine,
  at: isLine,
});
const isAnswer: Check = (value) =>
  shape({ runId: isLine, rejected: optional(isRejection) })(value) &&
  ['superseded', 'revoked', 'knownBad', 'alreadyLive', 'invalid'].some((name) => isLine(fieldsOf(value)[name]));
const isTagStates = listOf(shape({ repository: isLine, digest: orNull(isDigest) }));
const isRecorded = listOf(
  shape({ repository: isLine, digest: orNull(isDigest), unchanged: isFlag, floor: optional(isSha) }),
);
const isKey = shape({ sequence: isWhole, seen: isWhole });
const RUN = { workflowId: isLine, runId: isLine };
const ATTRIBUTION = { by: isLine, reason: isLine };

const isMark = shape({ ...ATTRIBUTION, sha: isSha, digests: listOf(isDigest), since: isLine });

const isLedger = shape({
  order: recordOf(isKey),
  seen: isWhole,
  highestSequence: isWhole,
  outOfOrder: orNull(shape({ by: isSha, times: isWhole, isRaised: isFlag })),
  newestPromoted: orNull(shape({ sha: isSha, key: isKey })),
  history: listOf(
    shape({
      ...ATTRIBUTION,
      sha: orNull(isSha),
      at: isLine,
      kind: oneOf('promotion', 'rollback', 'adopted'),
      images: isRecorded,
    }),
  ),
  firstPromoted: recordOf(isWhole),
  knownBad: listOf(isMark),
  verdicts: listOf(isRejection),
  hold: orNull(
    shape({
      name: oneOf('after-rollback', 'pair-split', 'latest-moved', 'not-recovered'),
      why: isLine,
      by: isLine,
      since: isLine,
    }),
  ),
  pause: orNull(shape({ by: isLine, why: isLine, since: isLine, until: optional(isLine) })),
  expectedLatest: orNull(shape({ images: isTagStates, at: isNumber })),
  drift: optional(shape({ expectedAt: isNumber, latest: orNull(isLine), missing: listOf(isLine) })),
  quarantines: optional(listOf(shape({ tenant: isLine, by: isLine, why: isLine, since: isLine, until: isLine }))),
  watchStartedFor: optional(isLine),
  watchedFor: optional(isLine),
  consecutivePreemptions: isWhole,
  lost: optional(shape({ seen: isWhole, upTo: orNull(isWhole) })),
});

const isState = shape({
  fencingToken: isWhole,
  queue: listOf(shape(REQUEST)),
  answers: listOf(isAnswer),
  holder: orNull(
    shape({
      ...REQUEST,
      fencingToken: isWhole,
      since: isLine,
      revocation: optional(isRevocation),
      notified: isFlag,
      heldFor: optional(shape({ hold: isLine, preemptibleAt: isNumber })),
    }),
  ),
  move: orNull(
    shape({
      moverRunId: isLine,
      parent: shape(RUN),
      kind: oneOf('promotion', 'rollback'),
      sha: isSha,
      leaseGrantedAt: optional(isNumber),
      leaseRevokedAt: optional(isNumber),
    }),
  ),
  rollback: orNull(shape({ ...RUN, sha: isSha, force: isFlag })),
  requestedRollbacks: listOf(isLine),
  finishedRuns: listOf(isLine),
  ledger: isLedger,
});

/** Parses the whole state of a lane; null if any part of it has another shape. */
export const parseLaneState = (sent: unknown): LaneState | null => (isState(sent) ? (sent as LaneState) : null);

/** Marks of known-bad builds in a state, which may have any other shape: they count whatever else cannot be read. */
export function marksIn(sent: unknown): KnownBadBuild[] {
  const { knownBad } = fieldsOf(fieldsOf(sent).ledger);
  return Array.isArray(knownBad) ? knownBad.slice(-MAX_LIST).filter(isMark) : [];
}

/** Whether a state knows less than an older one: what it counts only grows. */
export const knowsLess = (state: LaneState, older: LaneState): boolean =>
  state.fencingToken < older.fencingToken ||
  state.ledger.seen < older.ledger.seen ||
  (state.ledger.expectedLatest?.at ?? 0) < (older.ledger.expectedLatest?.at ?? 0);
