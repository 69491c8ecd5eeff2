import { refusedFor } from '../contract/brand.js';
import type { LaneState, Pause } from '../contract/lane.js';
import type { RecordedImage } from '../contract/move.js';
import { type Sha, sameBuild } from '../contract/sha.js';
import { FORGED_NAME, isForgedName } from '../domain/approvers.js';
import { MAX_BY, MAX_REASON, TOO_LONG } from '../domain/decide.js';
import { rounded } from '../domain/duration.js';
import { exampleMoment } from '../domain/moment.js';
import { isoOf, isSha } from '../domain/payloads/fields.js';
import { record, rejectionOf } from './ledger.js';
import { brief, MAX_IMAGES } from './limits.js';
import { leaseLeft } from './moves.js';
import { parseRecordedImage } from './payloads/parse.js';
import { quarantine, unquarantine } from './quarantine.js';
import { answer } from './queue.js';
import { giveUpCopy, setSequence, unreadCopy } from './sequence.js';

/** Applies a person's command to the lane; returns the answer, or why it is refused. Never throws. */
export function applyCommand(
  state: LaneState,
  command: string,
  sent: unknown,
  now: number,
): { answer: string } | { refused: string } {
  const { by, reason, sha, until, images, sequence, tenant, seen, withoutCopy } = Object(sent) as Record<
    string,
    unknown
  >;
  if (typeof by !== 'string' || !by.trim() || typeof reason !== 'string' || !reason.trim())
    return { refused: `${command} refused: it needs by and reason${exampleOf(command, now)}` };
  if (by.length > MAX_BY || reason.length > MAX_REASON) return { refused: `${command} refused: ${TOO_LONG}` };
  if (isForgedName(by)) return { refused: `${command} refused: ${FORGED_NAME}` };
  const attribution: Attribution = { by, reason };
  const needsSha = command === 'drop' || command === 'unbad';
  if (needsSha && !isSha(sha))
    return refusedFor(command, 'sha', sha, `7 to 40 lower-case hex digits${exampleOf(command, now)}`);
  if (command === 'unhold') {
    const { hold } = state.ledger;
    if (hold && typeof seen === 'string' && seen !== hold.since)
      return { refused: `unhold refused: the lane is on hold for ${hold.name} by now: ${hold.why}${AGAIN}` };
    return { answer: unhold(state) };
  }
  if (command === 'renew') return { answer: 'goes on as a new run, which knows all that this one knew' };
  if (command === 'resume') return { answer: resume(state) };
  if (command === 'unbad') return { answer: unbad(state, sha as Sha) };
  if (command === 'drop') return { answer: drop(state, sha as Sha, attribution) };
  if (command === 'sequence') {
    if (!Number.isSafeInteger(sequence) || (sequence as number) < 0)
      return refusedFor(command, 'sequence', sequence, `a whole number${exampleOf(command, now)}`);
    const unread = unreadCopy(state.ledger);
    if (unread !== null) return { refused: `sequence refused: ${unread}` };
    return { answer: setSequence(state.ledger, sequence as number) };
  }
  if (command === 'quarantine') return quarantine(state, { tenant, until }, attribution, now);
  if (command === 'unquarantine') return unquarantine(state, tenant, now);
  if (command === 'pause') {
    // A parser of dates skips what is in brackets, however long that is.
    const end = until === undefined ? undefined : isoOf(until);
    if (end === null || (end !== undefined && Date.parse(end) <= now))
      return refusedFor(command, 'until', until, `a time in the future, e.g. "until":"${exampleMoment(now)}"`);
    return { answer: pause(state, attribution, end, now) };
  }
  const tagStates = readImages(images);
  // What was read in the middle of a pair, or before a move, is not where the gate left it.
  const movingMs = leaseLeft(state, { runId: '' }, now);
  if (movingMs > 0) return { refused: `adopt refused: a move may write for ${rounded(movingMs)} more${AGAIN}` };
  if (typeof seen === 'number' && seen !== (state.ledger.expectedLatest?.at ?? 0))
    return { refused: `adopt refused: :latest was moved since it was read${AGAIN}` };
  if (tagStates === null) return refusedFor('adopt', 'images', images, 'what canary lane adopt reads and sends');
  const isGivenUp = withoutCopy === true && giveUpCopy(state.ledger);
  const why: Attribution = isGivenUp ? { by, reason: `without the copy of the ledger: ${reason}` } : attribution;
  const adopted = adopt(state, tagStates, isSha(sha) ? (sha as Sha) : null, why, now);
  return { answer: isGivenUp ? `${adopted}; ${GIVEN_UP}` : adopted };
}

const GIVEN_UP =
  'the copy of the ledger that was not read is given up, and replaced (next: canary lane sequence <n> --reason …)';

/** Fix for a command that is about what was there before. */
const AGAIN = '; look again (canary status), and repeat it if it is right';

/** What a command needs besides by and reason, as an example of it. */
const NEEDS: Record<string, (now: number) => object> = {
  drop: () => ({ sha: '4c1d56e' }),
  unbad: () => ({ sha: '4c1d56e' }),
  sequence: () => ({ sequence: 1042 }),
  quarantine: (now) => ({ tenant: 'canary-2', until: exampleMoment(now) }),
  unquarantine: () => ({ tenant: 'canary-2' }),
};

/** The whole of a command that is accepted; images cannot be made up. */
function exampleOf(command: string, now: number): string {
  if (command === 'adopt') return ', and images (canary lane adopt reads and sends them)';
  return `, e.g. ${JSON.stringify({ by: 'ada', reason: 'looked at it', ...NEEDS[command]?.(now) })}`;
}

function readImages(images: unknown): RecordedImage[] | null {
  if (!Array.isArray(images) || images.length === 0 || images.length > MAX_IMAGES) return null;
  try {
    return images.map(parseRecordedImage);
  } catch {
    return null;
  }
}

/** Who gave a command, and why. */
export interface Attribution {
  by: string;
  reason: string;
}

/** Accepts `:latest` as it stands as the expected latest, and lifts the hold of the lane unless that is `after-rollback`. */
export function adopt(
  state: LaneState,
  images: RecordedImage[],
  sha: Sha | null,
  { by, reason }: Attribution,
  now: number,
): string {
  const { ledger } = state;
  const at = new Date(now).toISOString();
  ledger.expectedLatest = { images: images.map(({ repository, digest }) => ({ repository, digest })), at: now };
  record(ledger, { sha, at, kind: 'adopted', by, reason, images });
  // A hold after a rollback does not depend on where `:latest` stands.
  if (ledger.hold?.name !== 'after-rollback') ledger.hold = null;
  return `adopted: ${images.map(({ repository, digest }) => `${repository}:latest at ${digest ?? 'nothing'}`).join(', ')}`;
}

/** Lifts the hold of the lane: promotion is automatic again. */
export function unhold(state: LaneState): string {
  const { hold } = state.ledger;
  state.ledger.hold = null;
  return hold ? `no longer on hold for ${hold.name}` : 'was not on hold';
}

/** Takes off the mark of a build that was rolled back from: it may be released again. Only a GREEN verdict takes back a RED one. */
export function unbad(state: LaneState, sha: Sha): string {
  const before = state.ledger.knownBad.length;
  state.ledger.knownBad = state.ledger.knownBad.filter((one) => !sameBuild(one.sha, sha));
  const rejected = rejectionOf(state.ledger, sha) ? ', and canary rejected it: canary release tests it again' : '';
  return `${sha} ${state.ledger.knownBad.length < before ? 'is no longer' : 'was not'} marked known-bad${rejected}`;
}

/** Removes a run that does not react to an abort from the lane, or from its queue. A move that it began still finishes. */
export function drop(state: LaneState, sha: Sha, { by, reason }: Attribution): string {
  const waiting = state.queue.filter((one) => sameBuild(one.sha, sha));
  state.queue = state.queue.filter((one) => !waiting.includes(one));
  const { holder } = state;
  const isHolder = holder !== null && sameBuild(holder.sha, sha);
  // The holder too: a run that works again must not wait for the lane that was taken from it.
  const dropped = isHolder ? [...waiting, holder] : waiting;
  for (const one of dropped) answer(state, one, { revoked: `dropped by ${brief(by)}: ${brief(reason)}` });
  if (isHolder) {
    state.holder = null;
    return `${sha} no longer holds the lane`;
  }
  return waiting.length > 0 ? `${sha} was removed from the queue` : `${sha} neither holds the lane nor waits for it`;
}

/** Stops promotions until a time (ISO 8601), or until `resume`. */
export function pause(state: LaneState, { by, reason }: Attribution, until: string | undefined, now: number): string {
  const paused: Pause = {
    by: brief(by),
    why: brief(reason),
    since: new Date(now).toISOString(),
    ...(until && { until }),
  };
  state.ledger.pause = paused;
  return until ? `paused until ${until}` : 'paused until canary resume';
}

/** Ends a pause. */
export function resume(state: LaneState): string {
  const paused = state.ledger.pause;
  state.ledger.pause = null;
  return paused ? 'resumed' : 'was not paused';
}
