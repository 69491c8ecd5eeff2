import type { Config } from '../../config/schema.js';
import { InvalidInput } from '../../contract/brand.js';
import type { Ledger } from '../../contract/lane.js';
import { defaultRollbackTarget } from '../../lane/ledger.js';
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
  const { copy, problems } = await findCopy({ registry, lane, keys, repositories: images }, io.signal);
  for (const problem of problems) io.err(`canary: warning: a copy of the ledger does not count: ${problem}`);
  if (copy) io.err(describe(copy));
  else if (problems.length === 0)
    io.err(
      'canary: warning: the registry has no copy of the ledger: neither known-bad builds nor those that were never live are checked',
    );
  return { copy, problems };
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

export const differingTag = ({ tag }: LedgerCopy, { latest }: Registry): string | null =>
  tag === latest ? null : `by the copy of the ledger production follows :${tag}, here CANARY_PROMOTE_TAG is ${latest}`;

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
