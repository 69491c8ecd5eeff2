import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { hostname } from 'node:os';
import type { Config } from './schema.js';

/** Eight hex digits that differ if two workers would treat a release differently. Secrets and links are no part of it, nor the tenants of a fleet file, which is read again for each release. */
export function configHash(config: Config): string {
  const { secrets: _, uiUrl: _ui, runbookUrl: _runbook, fleet, productionFleet, smokeSuite, ...settings } = config;
  const content = JSON.stringify({
    ...settings,
    tenants: fleet?.fixed ?? [],
    watched: productionFleet !== null,
    suite: smokeSuite && contentOf(smokeSuite),
  });
  return createHash('sha256').update(content).digest('hex').slice(0, 8);
}

/** Stands in for the hash of a worker of several gates: their file may change while it runs. */
export const SHARED_HASH = 'gates';

/** The identity of a worker: `pid@host#1a2b3c4d`, with the hash of its configuration. */
export const identityOf = (hash: string) => `${process.pid}@${hostname()}#${hash}`;

/** The hash at the end of a worker's identity; null if it has none. */
export const hashIn = (identity: string) => /#([0-9a-f]{8})$/.exec(identity)?.[1] ?? null;

/** The content decides, not the path: it differs between machines. */
function contentOf(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return file;
  }
}
