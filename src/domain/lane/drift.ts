import { InvalidInput } from '../brand.js';
import { sameBuild } from '../sha.js';
import { isText } from './read.js';
import { type LaneState, type Ledger, type LedgerEntry, putOnHold } from './state.js';

/** What a look at the registry found that does not agree with the ledger. */
export interface Drift {
  /** Which move, or adoption, it was compared with (epoch, ms). */
  leftAt: number;
  /** Where `:latest` stands instead; null where it should. */
  latest: string | null;
  /** What a rollback would need and is gone, a line each. */
  missing: string[];
}

/** Builds that one may want to go back to. */
const TARGETS = 3;
const MAX_MISSING = 20;

/** The last good builds that were at `:latest`, the newest first. */
export function rollbackTargets({ moves, bad }: Ledger): LedgerEntry[] {
  const builds = moves.toReversed().filter(({ sha }) => sha !== null && !bad.some((one) => sameBuild(one.sha, sha)));
  return builds
    .filter(({ sha }, index) => builds.findIndex((one) => sameBuild(one.sha ?? '', sha ?? '')) === index)
    .slice(0, TARGETS);
}

/** Keeps what was found, and gives what nobody was told of yet. A `:latest` that was moved holds the lane (I8), where nothing holds it yet. */
export function noteDrift(state: LaneState, found: Drift): { alarm: string; why: string }[] {
  const { ledger, move } = state;
  // Something of ours moved, or was adopted, since.
  if (move !== null || ledger.left?.at !== found.leftAt) return [];
  const known = ledger.drift;
  ledger.drift = found;
  const told = (why: string) => (known?.leftAt === found.leftAt && known.latest === why) || ledger.hold?.why === why;
  const news = found.missing.filter((line) => !known?.missing.includes(line));
  const isNews = found.latest !== null && !told(found.latest);
  if (found.latest !== null) putOnHold(state, 'latest-moved', found.latest);
  return [
    ...(found.latest !== null && isNews ? [{ alarm: 'latest-moved', why: found.latest }] : []),
    ...news.map((why) => ({ alarm: 'rollback-target-missing', why })),
  ];
}

/** @throws {InvalidInput} */
export function readDrift(sent: unknown): Drift {
  const { leftAt, latest, missing } = Object(sent) as Record<string, unknown>;
  const isLine = (line: unknown): line is string => isText(line);
  if (typeof leftAt !== 'number' || !(latest === null || isLine(latest))) throw new InvalidInput('no drift');
  if (!Array.isArray(missing) || missing.length > MAX_MISSING || !missing.every(isLine))
    throw new InvalidInput('what is missing is no list of lines');
  return { leftAt, latest, missing };
}
