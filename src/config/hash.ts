import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { hostname } from 'node:os';
import type { Config } from './config.js';

/** Eight hex digits that differ when two workers would treat a release differently. No secret goes into them, nor tenants of a fleet file, which is read anew for each release. */
export function configHash(config: Config): string {
  const { secrets: _, readFleet, fleetFile, readProdFleet, smokeSuite, ...settings } = config;
  const tenants = fleetFile === null ? readFleet().tenants : 'by a file';
  const told = JSON.stringify({
    ...settings,
    tenants,
    watched: readProdFleet !== null,
    suite: smokeSuite && contentOf(smokeSuite),
  });
  return createHash('sha256').update(told).digest('hex').slice(0, 8);
}

/** What a worker calls itself: `pid@host#1a2b3c4d`. */
export const workerIdentity = (config: Config) => `${process.pid}@${hostname()}#${configHash(config)}`;

/** The hash at the end of a worker's name; null in one of another making. */
export const hashIn = (identity: string) => /#([0-9a-f]{8})$/.exec(identity)?.[1] ?? null;

/** The same suite may lie in another folder on another machine. */
function contentOf(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return file;
  }
}
