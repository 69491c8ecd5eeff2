import { InvalidInput } from '../../src/contract/brand.js';
import type { Repository } from '../../src/contract/image.js';
import type { Ledger } from '../../src/contract/lane.js';
import type { Sha } from '../../src/contract/sha.js';
import { foreignImagesOf, lastMoveOf, movedImagesOf } from '../../src/lane/ledger.js';
import type { ActivityDependencies } from '../dependencies.js';
import { stateWithin } from '../waits.js';

/** How long the lane is asked for the images of a build, in milliseconds. */
const LEDGER_MS = 5_000;

/**
 * Requires images that this worker is configured for: the registry's token reaches every package of an account.
 * @param target build of a rollback: images that the gate moved to it before count too, also if `CANARY_IMAGES` has changed since.
 * @throws {InvalidInput} for any other; an error, so that the activity is retried, if the lane does not answer.
 */
export async function requireImages(
  { config, lane }: Pick<ActivityDependencies, 'config' | 'lane'>,
  repositories: Repository[],
  target: string | null = null,
): Promise<void> {
  const others = repositories.filter((repository) => !config.images.includes(repository));
  if (others.length === 0) return;
  const moved = target === null ? [] : await movedTo(lane, target);
  const foreign = others.filter((repository) => !moved.includes(repository));
  if (foreign.length > 0)
    throw new InvalidInput(
      `${foreign.join(', ')} refused: not one of CANARY_IMAGES${target === null ? '' : `, and this gate never moved it to ${target}`}`,
    );
}

async function movedTo(lane: ActivityDependencies['lane'], target: string): Promise<Repository[]> {
  const ledger = await ledgerOf(lane);
  if (ledger === null) throw new Error(`the lane does not answer which images ${target} had`);
  return movedImagesOf(ledger, target);
}

/**
 * Images that the ledger has for the target of a rollback, and that `requireImages` refuses: a person adopted them with it, and `CANARY_IMAGES`
 * lacks them since. A rollback leaves them where they are. Empty if it has no others, or if the lane does not answer.
 */
export async function adoptedAlone(
  { config, lane }: Pick<ActivityDependencies, 'config' | 'lane'>,
  target: Sha,
): Promise<Repository[]> {
  const ledger = await ledgerOf(lane).catch(() => null);
  if (ledger === null) return [];
  const left = foreignImagesOf(ledger, target, config.images);
  return left.length < (lastMoveOf(ledger, target)?.images.length ?? 0) ? left : [];
}

/** Null if the lane does not answer. */
const ledgerOf = async (lane: ActivityDependencies['lane']): Promise<Ledger | null> =>
  (await stateWithin(lane, LEDGER_MS))?.ledger ?? null;
