import type { Config } from '../../config/schema.js';
import { InvalidInput } from '../../contract/brand.js';
import type { Repository } from '../../contract/image.js';
import type { Ledger } from '../../contract/lane.js';
import type { PinnedImage, RollbackInput } from '../../contract/release.js';
import type { Sha } from '../../contract/sha.js';
import { defaultRollbackTarget, lastMoveOf } from '../../lane/ledger.js';
import { previewRollback } from '../../lane/rollback.js';
import { emptyLane } from '../../lane/state.js';
import type { LedgerCopy } from '../../ledger/copy.js';
import { type FoundCopy, findCopy } from '../../ledger/store.js';
import type { Registry } from '../../registry/context.js';
import { type PayloadKeys, payloadKeys } from '../../temporal/payloads/keys.js';
import type { Io } from '../command.js';
import { withRegistry } from './with-registry.js';

/** The ledger by its copy in the registry, told on stderr with what it says; its copy is null without one that counts.
 * @param keys those of `ledgerKeys` */
export async function readLedgerCopy(
  registry: Registry,
  { images, lane }: Pick<Config, 'images' | 'lane'>,
  keys: PayloadKeys | null,
  io: Pick<Io, 'err' | 'signal'>,
): Promise<FoundCopy> {
  const found = await findCopy({ registry, lane, keys, repositories: images }, io.signal);
  const { copy, problems } = found;
  for (const problem of problems) io.err(`canary: warning: a copy of the ledger does not count: ${problem}`);
  if (copy) io.err(describe(copy));
  else if (problems.length === 0)
    io.err(
      'canary: warning: the registry has no copy of the ledger: neither known-bad builds nor those that were never live are checked',
    );
  return found;
}

/** Where the copy has another tag for production than this machine; null if it has not, or no copy counts. */
export async function otherTag(
  registry: Registry,
  { images, lane }: Pick<Config, 'images' | 'lane'>,
  { env, signal }: Io,
): Promise<string | null> {
  try {
    const { copy } = await findCopy({ registry, lane, keys: payloadKeys(env), repositories: images }, signal);
    return copy && differingTag(copy, registry);
  } catch (error) {
    if (error instanceof InvalidInput) return null;
    throw error;
  }
}

const differingTag = ({ tag }: LedgerCopy, { latest }: Registry): string | null =>
  tag === latest ? null : `by the copy of the ledger production follows :${tag}, here CANARY_PROMOTE_TAG is ${latest}`;

/** One of the copies that cannot be used may name the build. */
export const IN_DOUBT = 'there is a copy of the ledger that cannot be used, so known-bad builds may be missed';

/** What a copy of the ledger says against a rollback without Temporal: why the lane would refuse it without force, and that production follows another tag. */
export function againstCopy(
  registry: Registry,
  { sha, reason, requestedBy: by = 'unknown' }: RollbackInput,
  copy: LedgerCopy | null,
  pinned: PinnedImage[],
): string[] {
  if (copy === null) return [];
  const images = pinned.map(({ repository, digest }) => ({ repository, digest }));
  const request = { workflowId: 'direct', runId: 'direct', sha, by, reason, images };
  const { refused } = previewRollback({ ...emptyLane(), ledger: copy.ledger }, request, Date.now());
  const otherTag = differingTag(copy, registry);
  return [...(refused ? [refused] : []), ...(otherTag ? [otherTag] : [])];
}

/** Images that a copy has for a build, and that this machine is not configured for: without Temporal they stay where they are. */
export const notOfThisMachine = (copy: LedgerCopy | null, sha: Sha, images: Repository[]): Repository[] =>
  ((copy && lastMoveOf(copy.ledger, sha)?.images) ?? [])
    .map(({ repository }) => repository)
    .filter((repository) => !images.includes(repository));

/** Keys that sign copies; none, with a warning, if they cannot be read: a rollback does not depend on them. */
export function ledgerKeys(io: Io): PayloadKeys | null {
  try {
    return payloadKeys(io.env);
  } catch (error) {
    if (!(error instanceof InvalidInput)) throw error;
    io.err(`canary: warning: the copy of the ledger is read as one that is not signed: ${error.message}`);
    return null;
  }
}

function describe({ generation, ledger, isSigned }: LedgerCopy): string {
  const live = ledger.history.at(-1)?.sha ?? 'an unknown build';
  const back = defaultRollbackTarget(ledger);
  const trust = isSigned ? '' : ' (not signed: anyone who may write to the registry may have made it)';
  return `by the copy of the ledger of ${new Date(generation).toISOString()}${trust}: ${live} is live, the previous good build is ${back ?? 'unknown'}`;
}

/** The ledger by its copy; without one, a text that says so. */
export const ledgerByCopy = (io: Io): Promise<Ledger | string> =>
  withRegistry(
    io,
    async (registry, config) =>
      (await readLedgerCopy(registry, config, ledgerKeys(io), io)).copy?.ledger ?? 'no copy of the ledger counts',
  );
