import type { Repository } from '../contract/image.js';
import type { Registry } from '../registry/context.js';
import { probeWrite } from '../registry/probe-write.js';
import { readTag } from '../registry/read-tag.js';
import { RegistryError } from '../registry/transport/errors.js';
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
