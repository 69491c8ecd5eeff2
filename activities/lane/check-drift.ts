import { isDeepStrictEqual } from 'node:util';
import { cancellationSignal, log, sleep } from '@temporalio/activity';
import type { Config } from '../../src/config/schema.js';
import { gateOf } from '../../src/contract/ids.js';
import type { LaneState, Ledger } from '../../src/contract/lane.js';
import { driftUpdate } from '../../src/contract/messages.js';
import type { Drift, MissingTarget, TagState } from '../../src/contract/move.js';
import { type Sha, sameBuild, shortSha } from '../../src/contract/sha.js';
import { oneLine } from '../../src/domain/markdown.js';
import { describeMoved, MAX_MISSING, rollbackTargets } from '../../src/lane/drift.js';
import { observeMoved } from '../../src/move/observe.js';
import type { Registry } from '../../src/registry/context.js';
import { getManifest } from '../../src/registry/get-manifest.js';
import { requireChildren } from '../../src/registry/require-children.js';
import { RegistryError } from '../../src/registry/transport/errors.js';
import { scheduledAt } from '../clock.js';
import type { ActivityDependencies } from '../dependencies.js';
import { withHeartbeat } from '../heartbeat.js';

/** Longest line, in characters: the ledger keeps it. */
const MAX_LINE = 400;

/** Images that this worker is configured for: an adoption, which any client may send, names others, and none of them is ours to read. */
export const configured = <T extends Pick<TagState, 'repository'>>({ images }: Pick<Config, 'images'>, all: T[]): T[] =>
  all.filter(({ repository }) => images.includes(repository));

/** Images whose `:latest` is not where the last move left it, as they are now; a second read excludes a stale one. */
export async function confirmMoved(registry: Registry, expected: TagState[], surpriseMs: number): Promise<TagState[]> {
  const moved = await observeMoved(registry, expected, cancellationSignal());
  if (moved.length === 0) return moved;
  await sleep(surpriseMs);
  return observeMoved(registry, expected, cancellationSignal());
}

/** The same on one line; null if each is where it was left. */
export async function describeDrift(
  registry: Registry,
  expected: TagState[],
  surpriseMs: number,
): Promise<string | null> {
  const moved = await confirmMoved(registry, expected, surpriseMs);
  return moved.length === 0 ? null : describeMoved(moved, registry.latest);
}

/** The same of what the ledger expects, as far as this worker is configured for it. */
export const driftOf = (
  { config, registry, waits }: Pick<ActivityDependencies, 'config' | 'registry' | 'waits'>,
  { expectedLatest }: Ledger,
): Promise<string | null> =>
  describeDrift(registry, configured(config, expectedLatest?.images ?? []), waits.surpriseMs);

/** Activities of `CheckDrift`, of one gate. */
export function createDriftActivities(gate: ActivityDependencies) {
  return {
    /** Compares the registry with the ledger, and starts an ended lane again; null if the lane does not answer, has no move that is old enough for reads to count, or knows the result. */
    lookForDrift: (): Promise<Drift | null> => withHeartbeat(() => findDriftOrBeginAgain(gate)),

    /** Sends the result to the lane. */
    reportDrift: (found: Drift): Promise<void> => withHeartbeat(() => gate.lane.update(driftUpdate, found)),
  };
}

/** What `lookForDrift` finds. A lane that a person ended is started again instead: it would compare nothing until the next release. */
export async function findDriftOrBeginAgain(gate: ActivityDependencies): Promise<Drift | null> {
  const state = await gate.lane.state();
  if (state === null) await gate.lane.beginAgain();
  return state && findDrift(gate, state);
}

async function findDrift({ config, registry, waits }: ActivityDependencies, state: LaneState): Promise<Drift | null> {
  const { expectedLatest: expected, drift: known } = state.ledger;
  if (!expected || state.move || scheduledAt() - expected.at < waits.recentMs) return null;
  const wasMoved = known?.expectedAt === expected.at ? known.moved : [];
  // Each by its own read: one that cannot be read hides no other.
  const latest = configured(config, expected.images).map((image) =>
    unlessFault(confirmMoved(registry, [image], waits.surpriseMs), () => wasMoved.filter(isOf(image))),
  );
  const [moved, unread] = await all(latest);
  if (unread.length > 0 && unread.length === latest.length) throw unread[0];
  const targets = rollbackTargets(state.ledger).flatMap(({ sha, kind, images }) =>
    (kind === 'adopted' ? configured(config, images) : images).map((image) =>
      unlessFault(missingOf(registry, sha, image), () =>
        (known?.missing ?? []).filter((one) => sameBuild(one.sha, sha) && isOf(image)(one)),
      ),
    ),
  );
  const [missing, uncertain] = await all(targets);
  const found = { expectedAt: expected.at, moved, missing: missing.slice(0, MAX_MISSING) };
  // A difference is reported each time: a person may have lifted the hold of the last report.
  const isNews = moved.length > 0 || !isDeepStrictEqual(found, known);
  // With nothing to report a `:latest` that was not read is shown by a check that fails.
  if (!isNews && unread.length > 0) throw unread[0];
  const unchecked = [...unread, ...uncertain];
  if (unchecked.length > 0)
    log.warn('drift.unchecked', { gate: gateOf(config.lane), why: oneLine(unchecked.join('; '), MAX_LINE) });
  return isNews ? found : null;
}

const isOf =
  ({ repository }: Pick<TagState, 'repository'>) =>
  (one: Pick<TagState, 'repository'>) =>
    one.repository === repository;

/** What a read found. After a fault, which comes beside it: what the last check knew. A cancel is no fault. */
async function unlessFault<T>(read: Promise<T[]>, known: () => T[]): Promise<{ found: T[]; fault?: unknown }> {
  try {
    return { found: await read };
  } catch (fault) {
    if (cancellationSignal().aborted) throw fault;
    return { found: known(), fault };
  }
}

/** What all reads found, and their faults. */
async function all<T>(reads: ReturnType<typeof unlessFault<T>>[]): Promise<[T[], unknown[]]> {
  const done = await Promise.all(reads);
  return [done.flatMap(({ found }) => found), done.flatMap(({ fault }) => fault ?? [])];
}

/** An image of a build to which a rollback would fail: the registry does not have all of its manifests. */
async function missingOf(registry: Registry, sha: Sha, { repository, digest }: TagState): Promise<MissingTarget[]> {
  if (digest === null) return [];
  try {
    // The manifest itself is requested like a child: it may be gone from the registry and still be in the cache.
    const manifest = await getManifest(registry, repository, digest, cancellationSignal());
    const children = [digest, ...manifest.children];
    await requireChildren(registry, { ...manifest, children }, cancellationSignal());
    return [];
  } catch (error) {
    if (!(error instanceof RegistryError && error.kind === 'not-found')) throw error;
    const text = oneLine(`a rollback to ${shortSha(sha)} would fail: ${error.message}`, MAX_LINE);
    return [{ sha, repository, text }];
  }
}
