import { activityInfo, cancellationSignal } from '@temporalio/activity';
import type { LaneState, Ledger } from '../../src/contract/lane.js';
import { shortSha } from '../../src/contract/sha.js';
import { oneLine } from '../../src/domain/markdown.js';
import { KNOWN_BAD_BYTES, newest } from '../../src/lane/limits.js';
import { emptyLane, MAX_BUILDS, putOnHold } from '../../src/lane/state.js';
import { generationOf } from '../../src/ledger/copy.js';
import { type FoundCopy, findCopy, keepLedger, ledgerTag } from '../../src/ledger/store.js';
import { RegistryError } from '../../src/registry/transport/errors.js';
import { readLaneRecord } from '../../src/temporal/records/lane-record.js';
import type { ActivityDependencies } from '../dependencies.js';
import { ownRun, withHeartbeat } from '../heartbeat.js';

/** Longest reason, in characters: the ledger keeps it. */
const MAX_WHY = 300;

type Dependencies = Pick<ActivityDependencies, 'config' | 'registry' | 'client' | 'payloadKeys'>;

/** Activity of the lane that keeps a copy of its ledger in the registry (ADR 17). */
export function createLedgerActivities({ config, registry, client, payloadKeys: keys }: Dependencies) {
  return {
    /**
     * Writes the copy; why it could not, or null. The next move writes the next one. The ledger is read as a recovery would read it: a
     * history that cannot be read is noticed here, while the lane still runs.
     */
    keepLedger: (): Promise<string | null> =>
      withHeartbeat(async () => {
        const [repository] = config.images;
        const where = `${repository}:${ledgerTag(config.lane)}`;
        let found: string | null = null;
        let last = null as { generation: number; line: string | null } | null;
        for (;;) {
          const { state, isWhole } = await readLaneRecord(client, ownRun(), () => false);
          if (!state || !isWhole || !repository)
            return 'the history of the lane cannot be read: a recovery would lose a part';
          const generation = generationOf(state.ledger) ?? 0;
          // The copy of a move that came in between may have been written before this one, and replaced by it: it is written again.
          if (generation === last?.generation) return found ?? last.line;
          const keeper = { registry, lane: config.lane, repository, keys, now: serverTime() };
          try {
            const kept = await keepLedger(keeper, state.ledger, cancellationSignal());
            const line = describeKept(kept, where);
            // The copy of a later move is, once the lane knows that move, its own.
            if (kept !== 'newer') found ??= line;
            last = { generation, line };
          } catch (error) {
            if (error instanceof RegistryError) return oneLine(error.message, MAX_WHY);
            throw error;
          }
        }
      }),
  };
}

/** What a person must know of what was done with the copy; null if there is nothing. */
function describeKept(kept: Awaited<ReturnType<typeof keepLedger>>, where: string): string | null {
  if (kept === 'kept') return null;
  if (kept === 'corrected')
    return `${where} had a copy of a time that is yet to come, which was replaced (who wrote it?)`;
  if (kept === 'newer')
    return `${where} has a copy of a later move than this lane knows, and keeps it (does another gate write it?)`;
  const lost = oneLine(kept.lost.map(shortSha).join(', '), MAX_WHY);
  return `${where} had known-bad builds of moves that this lane does not know, and was replaced: ${lost} (was a backup restored? do not release them again)`;
}

/** Reads the copy of the ledger. */
export const readCopies = ({ config, registry, payloadKeys: keys }: Omit<Dependencies, 'client'>): Promise<FoundCopy> =>
  findCopy({ registry, lane: config.lane, keys, now: serverTime(), repositories: config.images }, cancellationSignal());

/** Moves are dated by Temporal's clock; that of this machine may be behind it. */
const serverTime = () => Math.max(Date.now(), activityInfo().currentAttemptScheduledTimestampMs);

/**
 * What a lane begins with of which Temporal keeps a part, or nothing: with the copy in the registry, if that knows more. Marks of both count.
 * Without either it is null: the first day, or all is lost. A copy that cannot be read shows that it is not the first day.
 */
export function withCopy(state: LaneState | null, { copy, problems }: FoundCopy): LaneState | null {
  if (!copy) {
    if (state !== null || problems.length === 0) return state;
    const why = `the copy of the ledger cannot be used: ${oneLine(problems.join('; '), MAX_WHY)}`;
    return putOnHold(
      lost(emptyLane()),
      'not-recovered',
      `${why} (fix: canary lane adopt, then canary lane sequence <n>)`,
    );
  }
  const known = state ?? emptyLane();
  const [own, other] = isRicher(copy.ledger, known.ledger) ? [copy.ledger, known.ledger] : [known.ledger, copy.ledger];
  const latest = [own.expectedLatest, other.expectedLatest].sort((a, b) => (b?.at ?? 0) - (a?.at ?? 0))[0] ?? null;
  const merged = { ...known, ledger: withMarks({ ...own, expectedLatest: latest }, other.knownBad) };
  const at = new Date(copy.generation).toISOString();
  const trust = copy.isSigned ? '' : ', which no one signed';
  return putOnHold(
    lost(merged),
    'not-recovered',
    `Temporal lost a part of the ledger; the rest is from its copy of ${at} in the registry${trust} (fix: canary lane adopt, then canary lane sequence <n>)`,
  );
}

/** Whether a copy knows more than what Temporal kept: later moves, or any if Temporal knows only where the last one left `:latest`. */
const isRicher = (copy: Ledger, kept: Ledger): boolean =>
  kept.history.length === 0 || (copy.expectedLatest?.at ?? 0) > (kept.expectedLatest?.at ?? 0);

/** Adds marks of known-bad builds that a ledger does not have. */
export function withMarks(ledger: Ledger, marks: Ledger['knownBad']): Ledger {
  const more = marks.filter(
    ({ sha }, index) =>
      marks.findIndex((one) => one.sha === sha) === index && !ledger.knownBad.some((one) => one.sha === sha),
  );
  return { ...ledger, knownBad: newest([...ledger.knownBad, ...more], MAX_BUILDS, KNOWN_BAD_BYTES) };
}

/** A state of which a part is lost: nothing tells which builds are new, so a person must. */
export const lost = (state: LaneState): LaneState => ({
  ...state,
  ledger: { ...state.ledger, lost: { seen: state.ledger.seen, upTo: null } },
});
