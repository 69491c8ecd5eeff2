import { InvalidInput } from '../contract/brand.js';
import type { Drift, LaneState, Ledger } from '../contract/lane.js';
import { buildsOf, knownBadBuild, type NamedEntry } from './ledger.js';
import { isText } from './parse.js';
import { putOnHold } from './state.js';

/** Builds that one may want to go back to. */
const TARGETS = 3;
/** Lines that are kept. */
export const MAX_MISSING = 20;

/** The last good builds that were at `:latest`, the newest first. */
export const rollbackTargets = (ledger: Ledger): NamedEntry[] =>
  buildsOf(ledger)
    .filter(({ sha }) => !knownBadBuild(ledger, sha))
    .slice(0, TARGETS);

/** Keeps what was found, and returns what was not reported yet. A `:latest` that was moved from outside puts the lane on hold, if it is not (invariant I8). */
export function noteDrift(
  state: LaneState,
  found: Drift,
): { alarm: 'latest-moved' | 'rollback-target-missing'; why: string }[] {
  const { ledger, move } = state;
  // Something of ours moved, or was adopted, since.
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

/** @throws {InvalidInput} */
export function parseDrift(sent: unknown): Drift {
  const { expectedAt, latest, missing } = Object(sent) as Record<string, unknown>;
  if (typeof expectedAt !== 'number' || !(latest === null || isText(latest))) throw new InvalidInput('no drift');
  if (!Array.isArray(missing) || missing.length > MAX_MISSING || !missing.every(isText))
    throw new InvalidInput('what is missing is no list of lines');
  return { expectedAt, latest, missing };
}
