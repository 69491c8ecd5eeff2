import { InvalidInput } from '../contract/brand.js';
import { parseRepository, type Repository, type Tag } from '../contract/image.js';
import type { LaneState, Ledger } from '../contract/lane.js';
import { type Drift, isSameLatest, type MissingTarget, type TagState, whereItStands } from '../contract/move.js';
import { parseSha, type Sha } from '../contract/sha.js';
import { oneLine } from '../domain/markdown.js';
import { fieldsOf, isMoment, textOf } from '../domain/payloads/fields.js';
import { buildsOf, type NamedEntry, whyKnownBad } from './ledger.js';
import { DRIFT_BYTES, MAX_IMAGES, newest } from './limits.js';
import { parseTagState } from './payloads/parse.js';
import { putOnHold } from './state.js';

/** Number of rollback targets that are checked. */
const TARGETS = 3;
/** Most rollback targets with missing manifests that the ledger keeps. */
export const MAX_MISSING = 20;
/** Longest line about one of them, or about what was moved, in characters. */
const MAX_LINE = 400;

/** Images that were moved from outside, on one line. */
export const describeMoved = (moved: readonly TagState[], tag?: Tag): string =>
  oneLine(moved.map((image) => `${whereItStands(image, tag)}, the last move left it elsewhere`).join('; '), MAX_LINE);

/** Good builds that were at `:latest`, newest first: the likely targets of a rollback. */
export const rollbackTargets = (ledger: Ledger): NamedEntry[] =>
  buildsOf(ledger)
    .filter(({ sha }) => whyKnownBad(ledger, sha) === null)
    .slice(0, TARGETS);

/** How the images of a machine differ from those of the last move or adoption, a line each: only one of the two is what the gate moves. */
export function otherImages({ expectedLatest }: Ledger, configured: readonly string[]): string[] {
  if (expectedLatest === null) return [];
  const moved = expectedLatest.images.map(({ repository }): string => repository);
  return [
    ...moved
      .filter((one) => !configured.includes(one))
      .map((one) => `CANARY_IMAGES lacks ${one}, which the last move had`),
    ...configured
      .filter((one) => !moved.includes(one))
      .map((one) => `CANARY_IMAGES has ${one}, which the last move had not`),
  ];
}

/** Images that the rollback to the live build left where they were, with the build that they are on, by the history: production is on two builds. */
export function leftByRollback({ history }: Ledger): { repository: Repository; sha: Sha | null }[] {
  const live = history.at(-1);
  if (live?.kind !== 'rollback') return [];
  // Several rollbacks in a row may each have left an image.
  const recent = history.slice(
    Math.max(
      0,
      history.findLastIndex(({ kind }) => kind !== 'rollback'),
    ),
  );
  const last = new Map(recent.flatMap(({ images, sha }) => images.map(({ repository }) => [repository, sha] as const)));
  return [...last]
    .filter(([repository]) => !live.images.some((image) => image.repository === repository))
    .map(([repository, sha]) => ({ repository, sha }));
}

/** Records a drift and returns the alarms that it has not raised yet. A `:latest` that was moved from outside puts the lane on hold, unless it is on hold already (invariant I8). */
export function noteDrift(
  state: LaneState,
  found: Drift,
): { alarm: 'latest-moved' | 'rollback-target-missing'; why: string }[] {
  const { ledger, move } = state;
  // A move or an adoption since then makes the comparison obsolete.
  if (move !== null || ledger.expectedLatest?.at !== found.expectedAt) return [];
  const known = ledger.drift;
  ledger.drift = found;
  const { moved } = found;
  const isReported =
    (known?.expectedAt === found.expectedAt && isSameLatest(known.moved, moved)) ||
    isSameLatest(ledger.hold?.moved ?? [], moved);
  const isKnown = ({ sha, repository }: MissingTarget) =>
    known?.missing.some((one) => one.sha === sha && one.repository === repository);
  const news = found.missing.filter((one) => !isKnown(one));
  const why = describeMoved(moved);
  if (moved.length > 0) putOnHold(state, 'latest-moved', why, moved);
  return [
    ...(moved.length > 0 && !isReported ? [{ alarm: 'latest-moved' as const, why }] : []),
    ...news.map(({ text }) => ({ alarm: 'rollback-target-missing' as const, why: text })),
  ];
}

/** Where `:latest` was found since the last move, if that was elsewhere; null if it was not, or if the hold of the lane says so already. */
export function movedAlarm({ drift, expectedLatest, hold }: Ledger): string | null {
  if (!drift || drift.moved.length === 0 || drift.expectedAt !== expectedLatest?.at) return null;
  if (hold?.name === 'latest-moved' && isSameLatest(hold.moved ?? [], drift.moved)) return null;
  const then = hold?.name === 'after-rollback' ? '; then canary lane unhold' : '';
  return `${describeMoved(drift.moved)} (fix: canary lane adopt --reason … if it is right, else canary rollback --reason …${then})`;
}

/** Parses the payload of the update `drift`.
 * @throws {InvalidInput} */
export function parseDrift(sent: unknown): Drift {
  const { expectedAt, moved, missing } = fieldsOf(sent);
  if (!isMoment(expectedAt) || !Array.isArray(moved) || moved.length > MAX_IMAGES)
    throw new InvalidInput(`invalid drift: expected expectedAt, and at most ${MAX_IMAGES} images that were moved`);
  if (!Array.isArray(missing) || missing.length > MAX_MISSING)
    throw new InvalidInput(`invalid missing: expected at most ${MAX_MISSING} targets of a rollback`);
  const targets = newest(missing.map(parseMissing), MAX_MISSING, DRIFT_BYTES);
  return { expectedAt, moved: moved.map(parseTagState), missing: targets };
}

function parseMissing(sent: unknown): MissingTarget {
  const { sha, repository, text } = fieldsOf(sent);
  const line = textOf(text, MAX_LINE);
  if (line === null) throw new InvalidInput('invalid missing: expected sha, repository and a text of each');
  return { sha: parseSha(sha), repository: parseRepository(repository), text: line };
}
