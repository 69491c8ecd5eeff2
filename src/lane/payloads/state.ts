import { shown } from '../../contract/brand.js';
import { isDigest } from '../../contract/image.js';
import type { KnownBadBuild, LaneState } from '../../contract/lane.js';
import { fieldsOf, isSha } from '../../domain/payloads/fields.js';

// The state of a lane comes back as the input of its next run and as the answer of a closed one. Both may be forged: a shape that the
// rules do not know would fail every task of the lane.

/** Longest text in a state, in characters. */
const MAX_TEXT = 20_000;
/** Most items of a list in a state. */
const MAX_LIST = 2_000;

/** Path of the part of a value that has another shape, e.g. `.images[0].digest`, empty for the value itself; null if it has the right one. */
type Check = (value: unknown) => string | null;

const is =
  (test: (value: unknown) => boolean): Check =>
  (value) =>
    test(value) ? null : '';
const isLine = is((value) => typeof value === 'string' && value.length <= MAX_TEXT);
const isNumber = is(Number.isFinite);
const isWhole = is(Number.isSafeInteger);
const isFlag = is((value) => value === undefined || typeof value === 'boolean');
const isOfBuild = is(isSha);
const oneOf = (...values: unknown[]): Check => is((value) => values.includes(value));
const optional =
  (check: Check): Check =>
  (value) =>
    value === undefined ? null : check(value);
const orNull =
  (check: Check): Check =>
  (value) =>
    value === null ? null : check(value);
const listOf =
  (check: Check): Check =>
  (value) =>
    Array.isArray(value) && value.length <= MAX_LIST ? firstOf(value.map((one, at) => [`[${at}]`, check, one])) : '';
const recordOf =
  (check: Check): Check =>
  (value) => {
    const entries = isObject(value) ? Object.entries(value as object) : null;
    if (entries === null || entries.length > MAX_LIST) return '';
    return firstOf(entries.map(([name, one]) => [`[${shown(name)}]`, check, one]));
  };
const shape =
  (fields: Record<string, Check>): Check =>
  (value) =>
    isObject(value)
      ? firstOf(Object.entries(fields).map(([name, check]) => [`.${name}`, check, fieldsOf(value)[name]]))
      : '';
const isObject = (value: unknown) => typeof value === 'object' && value !== null && !Array.isArray(value);

/** Path of the first part that has another shape. */
function firstOf(parts: [name: string, check: Check, value: unknown][]): string | null {
  for (const [name, check, value] of parts) {
    const inside = check(value);
    if (inside !== null) return name + inside;
  }
  return null;
}

const REQUEST = {
  workflowId: isLine,
  runId: isLine,
  sha: isOfBuild,
  sequence: optional(isWhole),
  manual: isFlag,
  promoteOnly: isFlag,
  force: isFlag,
  recheck: isFlag,
};
const isSuperseded = shape({ superseded: isLine });
const isRevoked = shape({ revoked: isLine, knownBad: isFlag });
const isRevocation: Check = (value) => (isSuperseded(value) === null ? null : isRevoked(value));
const isRejection = shape({
  sha: isOfBuild,
  verdict: oneOf('GREEN', 'RED'),
  failed: listOf(isLine),
  runId: isLine,
  at: isLine,
});
const hasRun = shape({ runId: isLine, rejected: optional(isRejection) });
const ANSWERS = ['superseded', 'revoked', 'knownBad', 'alreadyLive', 'invalid'];
const isAnswer: Check = (value) =>
  hasRun(value) ?? (ANSWERS.some((name) => isLine(fieldsOf(value)[name]) === null) ? null : '');
const isTagStates = listOf(shape({ repository: isLine, digest: orNull(is(isDigest)) }));
const isRecorded = listOf(
  shape({ repository: isLine, digest: orNull(is(isDigest)), unchanged: isFlag, floor: optional(isOfBuild) }),
);
const isKey = shape({ sequence: isWhole, seen: isWhole });
const RUN = { workflowId: isLine, runId: isLine };
const ATTRIBUTION = { by: isLine, reason: isLine };

const isMark = shape({ ...ATTRIBUTION, sha: isOfBuild, digests: listOf(is(isDigest)), since: isLine });

const isLedger = shape({
  order: recordOf(isKey),
  seen: isWhole,
  highestSequence: isWhole,
  outOfOrder: orNull(shape({ by: isOfBuild, times: isWhole, isRaised: isFlag })),
  newestPromoted: orNull(shape({ sha: isOfBuild, key: isKey })),
  history: listOf(
    shape({
      ...ATTRIBUTION,
      sha: orNull(isOfBuild),
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
      moved: optional(isTagStates),
      why: isLine,
      by: isLine,
      since: isLine,
    }),
  ),
  pause: orNull(shape({ by: isLine, why: isLine, since: isLine, until: optional(isLine) })),
  expectedLatest: orNull(shape({ images: isTagStates, at: isNumber })),
  drift: optional(
    shape({
      expectedAt: isNumber,
      moved: isTagStates,
      missing: listOf(shape({ sha: isOfBuild, repository: isLine, text: isLine })),
    }),
  ),
  quarantines: optional(listOf(shape({ tenant: isLine, by: isLine, why: isLine, since: isLine, until: isLine }))),
  watchStartedFor: optional(isLine),
  watchedFor: optional(isLine),
  consecutivePreemptions: isWhole,
  lost: optional(
    shape({ seen: isWhole, upTo: orNull(isWhole), unread: optional(shape({ why: isLine, merged: isWhole })) }),
  ),
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
      heldFor: optional(shape({ hold: isLine, preemptibleAt: isNumber, yields: isFlag })),
    }),
  ),
  move: orNull(
    shape({
      moverRunId: isLine,
      parent: shape(RUN),
      kind: oneOf('promotion', 'rollback'),
      sha: isOfBuild,
      leaseGrantedAt: optional(isNumber),
      leaseRevokedAt: optional(isNumber),
    }),
  ),
  rollback: orNull(shape({ ...RUN, sha: isOfBuild, force: isFlag })),
  requestedRollbacks: listOf(isLine),
  finishedRuns: listOf(isLine),
  ledger: isLedger,
});

/** Parses the whole state of a lane; null if any part of it has another shape. */
export const parseLaneState = (sent: unknown): LaneState | null =>
  isState(sent) === null ? (sent as LaneState) : null;

/** Path of the first part of a ledger that has another shape, e.g. `ledger.history[0].by`; null if it has the right one. */
export function ledgerFault(sent: unknown): string | null {
  const inside = isLedger(sent);
  return inside === null ? null : `ledger${inside}`;
}

/** Marks of known-bad builds in a state, which may have any other shape: they count whatever else cannot be read. */
export function marksIn(sent: unknown): KnownBadBuild[] {
  const { knownBad } = fieldsOf(fieldsOf(sent).ledger);
  return Array.isArray(knownBad) ? knownBad.slice(-MAX_LIST).filter((one) => isMark(one) === null) : [];
}

/** Whether a state knows less than an older one: what it counts only grows. */
export const knowsLess = (state: LaneState, older: LaneState): boolean =>
  state.fencingToken < older.fencingToken ||
  state.ledger.seen < older.ledger.seen ||
  (state.ledger.expectedLatest?.at ?? 0) < (older.ledger.expectedLatest?.at ?? 0);
