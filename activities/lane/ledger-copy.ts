import { cancellationSignal, sleep } from '@temporalio/activity';
import type { LaneState, Ledger } from '../../src/contract/lane.js';
import { shortSha } from '../../src/contract/sha.js';
import { oneLine } from '../../src/domain/markdown.js';
import { unreadCopy } from '../../src/lane/sequence.js';
import { emptyLane, putOnHold } from '../../src/lane/state.js';
import { generationOf, type LedgerCopy } from '../../src/ledger/copy.js';
import { withLater, withMarks } from '../../src/ledger/merge.js';
import { type FoundCopy, findCopy, keepLedger, ledgerTag } from '../../src/ledger/store.js';
import { RegistryError } from '../../src/registry/transport/errors.js';
import { readLaneRecord } from '../../src/temporal/records/lane-record.js';
import { temporalNow } from '../clock.js';
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
          if (state.ledger.lost?.unread) return `${where} is not replaced: ${unreadCopy(state.ledger)}`;
          const generation = generationOf(state.ledger) ?? 0;
          // The copy of a move that came in between may have been written before this one, and replaced by it: it is written again.
          if (generation === last?.generation) return found ?? last.line;
          const keeper = { registry, lane: config.lane, repository, keys, now: temporalNow(client) };
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

/** Longest wait of a recovery for a registry that does not answer, in milliseconds: no promotion could begin without it, and a rollback does not wait for the lane. */
export const COPY_MS = 2 * 60_000;
/** Longest pause between two reads, in milliseconds. */
const MAX_PAUSE_MS = 10_000;

/** Reads the copies of the ledger; a registry that does not answer, or refuses, is asked again for `forMs` milliseconds. */
export async function readCopies(
  { client, config, registry, payloadKeys: keys }: Dependencies,
  forMs: number,
): Promise<FoundCopy> {
  const deadline = performance.now() + forMs;
  for (let pause = 500; ; pause = Math.min(2 * pause, MAX_PAUSE_MS)) {
    const keeper = { registry, lane: config.lane, keys, now: temporalNow(client), repositories: config.images };
    const found = await findCopy(keeper, cancellationSignal());
    if (found.isAnswered || performance.now() + pause > deadline) return found;
    await sleep(pause);
  }
}

/**
 * What a lane begins with of which Temporal keeps a part, or nothing: with the copy in the registry, if that knows more. Marks of both count.
 * Without either it is null: the first day, or all is lost. A copy that cannot be read shows that it is not the first day, and stays until a
 * later run has read it.
 */
export function withCopy(state: LaneState | null, { copy, problems }: FoundCopy): LaneState | null {
  const merged = mergedBefore(state);
  const isNew = copy !== null && copy.generation > merged;
  const begun = isNew ? withLedger(state ?? emptyLane(), copy) : state;
  if (problems.length === 0) return isNew ? begun : state && withoutNews(state, copy !== null);
  const why = reasonOf(problems);
  return putOnHold(
    lost(begun ?? emptyLane(), { why, merged: Math.max(merged, copy?.generation ?? 0) }),
    'not-recovered',
    `the copy of the ledger could not be read, and stays: ${why} (fix: that, then canary lane renew)`,
  );
}

/** A lane that goes on, and began without a copy: with all copies, or a newer one than it has read; else it waits for them on. */
export function readAgain(state: LaneState, found: FoundCopy): LaneState | null {
  const { copy, problems } = found;
  const { lost: before } = state.ledger;
  if (!before?.unread || problems.length === 0 || (copy?.generation ?? 0) > before.unread.merged)
    return withCopy(state, found);
  const unread = { ...before.unread, why: reasonOf(problems) };
  return { ...state, ledger: { ...state.ledger, lost: { ...before, unread } } };
}

const reasonOf = (problems: string[]) => oneLine(problems.join('; '), MAX_WHY);

/** Number of the newest copy that a lane has read which waits for others; -1 for none. */
const mergedBefore = (state: LaneState | null): number => state?.ledger.lost?.unread?.merged || -1;

/** A state of which a part is lost for good: there is no copy, or none that it does not know, also if one could not be read before. */
function withoutNews(state: LaneState, isKnown: boolean): LaneState {
  const { hold, lost: before } = state.ledger;
  if (!before?.unread) return lost(state);
  // What it knows is as it was: a person may have lifted holds, and taken off marks.
  const { unread: _, ...dated } = before;
  const read = { ...state, ledger: { ...state.ledger, lost: dated } };
  if (hold?.name !== 'not-recovered') return read;
  const why = `a part of the ledger is lost, and ${isKnown ? 'the rest is from its copy' : 'there is no copy'} (${NEXT})`;
  return putOnHold({ ...read, ledger: { ...read.ledger, hold: null } }, 'not-recovered', why);
}

/** What a person does about a ledger of which a part is lost. */
export const NEXT = 'fix: canary lane adopt, then canary lane sequence <n>';

/** A state with a copy of the ledger, on hold. */
function withLedger(known: LaneState, copy: LedgerCopy): LaneState {
  const at = new Date(copy.generation).toISOString();
  const trust = copy.isSigned ? '' : ', which no one signed';
  return putOnHold(
    lost({ ...known, ledger: mergedWith(known, copy.ledger) }),
    'not-recovered',
    `Temporal lost a part of the ledger; the rest is from its copy of ${at} in the registry${trust} (${NEXT})`,
  );
}

/** What a lane and a copy know. Marks of both count. */
function mergedWith(known: LaneState, copy: Ledger): Ledger {
  const kept = known.ledger;
  const latest = [copy.expectedLatest, kept.expectedLatest].sort((a, b) => (b?.at ?? 0) - (a?.at ?? 0))[0] ?? null;
  if (!isRicher(copy, kept)) return withMarks({ ...kept, expectedLatest: latest }, copy.knownBad);
  const { quarantines } = kept;
  // The copy has none.
  const base = { ...copy, expectedLatest: latest, ...(quarantines && { quarantines }) };
  return kept.lost?.unread ? withLater(base, known) : withMarks(base, kept.knownBad);
}

/** Whether a copy knows more than what Temporal kept: later moves, or any if Temporal knows only where the last one left `:latest`. Of a lane that began without it the last move is one since. */
const isRicher = (copy: Ledger, kept: Ledger): boolean =>
  kept.lost?.unread
    ? !kept.history.some(({ at }) => at === copy.history.at(-1)?.at)
    : kept.history.length === 0 || (copy.expectedLatest?.at ?? 0) > (kept.expectedLatest?.at ?? 0);

/** A state of which a part is lost: nothing tells which builds are new, so a person must. @param unread set if its copy may have that part, and was not read. */
export const lost = (state: LaneState, unread?: NonNullable<Ledger['lost']>['unread']): LaneState => ({
  ...state,
  ledger: { ...state.ledger, lost: { seen: state.ledger.seen, upTo: null, ...(unread && { unread }) } },
});
