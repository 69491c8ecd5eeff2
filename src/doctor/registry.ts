import type { Lane } from '../contract/ids.js';
import type { Repository } from '../contract/image.js';
import type { LaneState } from '../contract/lane.js';
import { findCopy, ledgerTag } from '../ledger/store.js';
import type { Registry } from '../registry/context.js';
import { probeWrite } from '../registry/probe-write.js';
import { readTag } from '../registry/read-tag.js';
import { RegistryError } from '../registry/transport/errors.js';
import type { PayloadKeys } from '../temporal/payloads/keys.js';
import type { Finding } from './finding.js';
import { runCheck } from './look.js';

const DEFAULT_FIX = 'check the registry: a release waits some minutes for it, then is held';

/** Whether `:latest` of each image can be read, and whether its registry takes uploads. Nothing is written, so nothing tells whether it may be overwritten. */
export async function checkRegistry(registry: Registry, images: Repository[], signal: AbortSignal): Promise<Finding[]> {
  const found = images.map((repository) =>
    runCheck({ area: 'registry', name: repository, fix: DEFAULT_FIX }, signal, (inner) =>
      checkImage(registry, repository, inner),
    ),
  );
  return (await Promise.all(found)).flat();
}

async function checkImage(registry: Registry, repository: Repository, signal: AbortSignal): Promise<Finding[]> {
  try {
    const latest = await readTag(registry, repository, registry.latest, signal);
    const read: Finding = latest
      ? {
          area: 'registry',
          level: 'ok',
          what: `${repository} can be read, and takes uploads (overwriting :${registry.latest} was not tried); :${registry.latest} is ${latest}`,
        }
      : {
          area: 'registry',
          level: 'note',
          what: `${repository} has no :${registry.latest} yet: the first promotion asks for approval, and nothing could be put back`,
          fix: 'canary approve, when it asks',
        };
    return await probeWrite(registry, repository, signal).then(
      () => [read],
      (error: unknown) => [toFinding(`${repository} can be read, but not written`, error)],
    );
  } catch (error) {
    return [toFinding(`${repository} cannot be read`, error)];
  }
}

function toFinding(what: string, error: unknown): Finding {
  const { why, fix } = causeOf(error);
  return { area: 'registry', level: 'stops', what: `${what}: ${why}`, fix: fix ?? DEFAULT_FIX };
}

/** What a registry said, and the fix apart from it.
 * @throws any error that is not a `RegistryError`. */
export function causeOf(error: unknown): { why: string; fix: string | undefined } {
  if (!(error instanceof RegistryError)) throw error;
  return { why: error.what, fix: error.hint };
}

/** Time after a move in which its copy is being written, in milliseconds: that is tried for a minute. */
const KEPT_MS = 90_000;
const COPY_FIX = 'canary lane renew writes it; if the worker logs ledger-not-kept: what that line says';

/**
 * Whether the registry has the copy of the ledger, of the last move, and it can be used: nothing else shows that it is missing before it is
 * the only one. A lane that could not read one when it began needs those of all images.
 */
export async function checkCopy(
  registry: Registry,
  read: () => Promise<LaneState | null>,
  images: Repository[],
  { lane, keys }: { lane: Lane; keys: PayloadKeys | null },
  signal: AbortSignal,
): Promise<Finding[]> {
  const ledger = (await read())?.ledger;
  const isUnread = ledger?.lost?.unread !== undefined;
  const movedAt = ledger?.expectedLatest?.at;
  const [first] = images;
  if (!ledger || first === undefined || (movedAt === undefined && !isUnread)) return [];
  const { copy, problems } = await findCopy(
    { registry, lane, keys, repositories: isUnread ? images : [first] },
    signal,
  );
  const where = `${first}:${ledgerTag(lane)}`;
  const warning = (what: string, fix = COPY_FIX): Finding => ({ area: 'lane', level: 'warning', what, fix });
  // Its alarm, with what the worker met, is a finding of its own.
  if (isUnread && problems.length === 0) return [warning(READ_HERE, UNREAD_ELSEWHERE)];
  if (isUnread) return problems.map((why) => warning(`a copy of the ledger cannot be used: ${why}`, UNREAD));
  if (problems.length > 0) return problems.map((why) => warning(`the copy of the ledger cannot be used: ${why}`));
  if (copy && copy.generation >= (movedAt ?? 0))
    return [{ area: 'lane', level: 'ok', what: 'the registry has a copy of the ledger' }];
  if (Date.now() - (movedAt ?? 0) < KEPT_MS) return [];
  if (copy === null) return [warning(`${where} is missing: without that copy the ledger is lost with Temporal's data`)];
  const [has, moved] = [copy.generation, movedAt ?? 0].map((at) => new Date(at).toISOString());
  return [warning(`${where} is of ${has}, the last move of ${moved}: that copy lacks it`)];
}

const READ_HERE =
  'this machine has read all that the registry has of the ledger; the worker, with its login and network, had not';
const UNREAD_ELSEWHERE = 'canary lane renew reads it again; if the alarm stays: what it says, for the worker';
const UNREAD =
  'let it be read, or delete a tag that is not worth it, then canary lane renew; if neither can be: canary lane adopt --without-copy';
