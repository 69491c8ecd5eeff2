import { InvalidInput } from '../contract/brand.js';
import type { Repository } from '../contract/image.js';
import type { LaneState, Ledger } from '../contract/lane.js';
import type { Drift } from '../contract/move.js';
import type { Sha } from '../contract/sha.js';
import { oneLine } from '../domain/markdown.js';
import { isMoment, isText } from '../domain/payloads/fields.js';
import { buildsOf, type NamedEntry, whyKnownBad } from './ledger.js';
import { DRIFT_BYTES, newest } from './limits.js';
import { putOnHold } from './state.js';

/** Number of rollback targets that are checked. */
const TARGETS = 3;
/** Most lines about missing manifests that the ledger keeps. */
export const MAX_MISSING = 20;
/** Longest of those lines, in characters. */
const MAX_LINE = 400;

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
  const isReported = (why: string) =>
    (known?.expectedAt === found.expectedAt && known.latest === why) || ledger.hold?.why === why;
  const news = found.missing.filter((line) => !known?.missing.includes(line));
  const isNews = found.latest !== null && !isReported(found.latest);
  if (found.latest !== null) putOnHold(state, 'latest-moved', found.latest);
  return [
    ...(found.latest !== null && isNews ? [{ alarm: 'latest-moved' as const, why: found.latest }] : []),
    ...news.map((why) => ({ alarm: 'rollback-target-missing' as const, why })),
  ];
}

/** Parses the payload of the update `drift`.
 * @throws {InvalidInput} */
export function parseDrift(sent: unknown): Drift {
  const { expectedAt, latest, missing } = Object(sent) as Record<string, unknown>;
  if (!isMoment(expectedAt) || !(latest === null || isText(latest)))
    throw new InvalidInput('invalid drift: expected expectedAt and latest');
  if (!Array.isArray(missing) || missing.length > MAX_MISSING || !missing.every(isText))
    throw new InvalidInput(`invalid missing: expected at most ${MAX_MISSING} lines`);
  const lines = newest(
    missing.map((line) => oneLine(line, MAX_LINE)),
    MAX_MISSING,
    DRIFT_BYTES,
  );
  return { expectedAt, latest: latest === null ? null : oneLine(latest, MAX_LINE), missing: lines };
}
