import { isDeepStrictEqual } from 'node:util';
import { cancellationSignal, sleep } from '@temporalio/activity';
import type { Config } from '../../src/config/schema.js';
import { driftUpdate } from '../../src/contract/messages.js';
import { type Drift, type TagState, whereItStands } from '../../src/contract/move.js';
import { shortSha } from '../../src/contract/sha.js';
import { oneLine } from '../../src/domain/markdown.js';
import { MAX_MISSING, rollbackTargets } from '../../src/lane/drift.js';
import type { NamedEntry } from '../../src/lane/ledger.js';
import { observeMoved } from '../../src/move/observe.js';
import type { Registry } from '../../src/registry/context.js';
import { getManifest } from '../../src/registry/get-manifest.js';
import { requireChildren } from '../../src/registry/require-children.js';
import { RegistryError } from '../../src/registry/transport/errors.js';
import type { ActivityDependencies } from '../dependencies.js';
import { withHeartbeat } from '../heartbeat.js';

/** Longest line, in characters: the ledger keeps it. */
const MAX_LINE = 400;

/** Images that this worker is configured for: an adoption, which any client may send, names others, and none of them is ours to read. */
export const configured = <T extends Pick<TagState, 'repository'>>({ images }: Pick<Config, 'images'>, all: T[]): T[] =>
  all.filter(({ repository }) => images.includes(repository));

/** Images whose `:latest` is not where the last move left it, on one line; null if each is where it was left. */
export async function describeDrift(registry: Registry, expected: TagState[]): Promise<string | null> {
  const moved = await observeMoved(registry, expected, cancellationSignal());
  const lines = moved.map((image) => `${whereItStands(image, registry.latest)}, the last move left it elsewhere`);
  return lines.length === 0 ? null : oneLine(lines.join('; '), MAX_LINE);
}

/** As `describeDrift`; a second read excludes a stale one. */
export async function confirmDrift(
  registry: Registry,
  expected: TagState[],
  surpriseMs: number,
): Promise<string | null> {
  if ((await describeDrift(registry, expected)) === null) return null;
  await sleep(surpriseMs);
  return describeDrift(registry, expected);
}

/** Activities of `CheckDrift`, of one gate. */
export function createDriftActivities(gate: ActivityDependencies) {
  return {
    /** Compares the registry with the ledger; null if the lane does not answer, has no move that is old enough for reads to count, or knows the result. */
    lookForDrift: (): Promise<Drift | null> => withHeartbeat(() => findDrift(gate)),

    /** Sends the result to the lane. */
    reportDrift: (found: Drift): Promise<void> => withHeartbeat(() => gate.lane.update(driftUpdate, found)),
  };
}

/** What `lookForDrift` finds. */
export async function findDrift({ config, registry, lane, waits }: ActivityDependencies): Promise<Drift | null> {
  const state = await lane.state();
  // A lane that a person ended would compare nothing until the next release.
  if (state === null) await lane.beginAgain();
  const expected = state?.ledger.expectedLatest;
  if (!state || !expected || state.move || Date.now() - expected.at < waits.recentMs) return null;
  const latest = await confirmDrift(registry, configured(config, expected.images), waits.surpriseMs);
  const missing = await Promise.all(rollbackTargets(state.ledger).map((one) => missingOf(registry, config, one)));
  const found = { expectedAt: expected.at, latest, missing: missing.flat().slice(0, MAX_MISSING) };
  // A difference is reported each time: a person may have lifted the hold of the last report.
  return latest === null && isDeepStrictEqual(found, state.ledger.drift) ? null : found;
}

/** Lines for what a rollback to an entry of the ledger would need and the registry does not have. */
async function missingOf(registry: Registry, config: Config, { sha, kind, images }: NamedEntry): Promise<string[]> {
  const lines = (kind === 'adopted' ? configured(config, images) : images).map(async ({ repository, digest }) => {
    if (digest === null) return [];
    try {
      // The manifest itself is requested like a child: it may be gone from the registry and still be in the cache.
      const manifest = await getManifest(registry, repository, digest, cancellationSignal());
      const children = [digest, ...manifest.children];
      await requireChildren(registry, { ...manifest, children }, cancellationSignal());
      return [];
    } catch (error) {
      if (!(error instanceof RegistryError && error.kind === 'not-found')) throw error;
      return [oneLine(`a rollback to ${shortSha(sha)} would fail: ${error.message}`, MAX_LINE)];
    }
  });
  return (await Promise.all(lines)).flat();
}
