import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { hostname } from 'node:os';
import type { Config, Settings } from './schema.js';
import { SETTING_NAMES, variableOf } from './schema.js';

/** Settings that may differ between two workers of a gate: addresses of a host, links, and secrets and their files. */
const OWN: (keyof Settings)[] = [
  'http',
  'uiUrl',
  'runbookUrl',
  'unsafe',
  'codecTokenFile',
  'githubActor',
  'adminTokens',
  'fleetToken',
  'fleetCommandEnv',
  'fleetSecrets',
  'cpAdminToken',
  'cpSharedSecret',
  'secretCommandEnv',
  'helperEnv',
  'githubToken',
  'oidcToken',
  'oidcAudience',
  'webhookSecret',
  'githubAppId',
  'githubAppKey',
];

/** Settings that count by something else than their value: a path differs between machines, and a fleet file is read again for each release. */
const READ: Partial<Record<keyof Settings, (config: Config) => unknown>> = {
  images: ({ images, optionalImages }) => [images, optionalImages],
  tenantUrls: ({ fleet }) => (Array.isArray(fleet?.fixed) ? fleet.fixed : []),
  fleetFile: ({ fleet }) => fleet?.fixed === 'file',
  fleetUrl: ({ fleet }) => fixedOf(fleet, 'url'),
  fleetCommand: ({ fleet }) => fixedOf(fleet, 'command'),
  fleetControlPlane: ({ fleet }) => fleet?.fixed === 'control-plane',
  productionFleetFile: ({ productionFleet }) => productionFleet !== null,
  smokeSuite: ({ smokeSuite }) => smokeSuite && contentOf(smokeSuite),
  webhookUrl: ({ secrets }) => secrets.webhook !== null,
  githubNotifyToken: ({ secrets }) => secrets.githubNotify !== null,
  slackWebhook: ({ secrets }) => secrets.slack !== null,
  payloadKeyFile: ({ payloadKeyFile }) => payloadKeyFile !== null,
};

/** What a source elsewhere has fixed by this name. */
function fixedOf(fleet: Config['fleet'], name: string): unknown {
  const { fixed } = fleet ?? {};
  return typeof fixed === 'object' && fixed !== null ? (fixed as Record<string, unknown>)[name] : undefined;
}

/** Settings by which two workers would treat a release differently. */
const SHARED = SETTING_NAMES.filter((name) => !OWN.includes(name));

const countedValue = (config: Config, name: keyof Settings): string =>
  JSON.stringify(READ[name]?.(config) ?? (config as unknown as Partial<Settings>)[name] ?? null);

/**
 * What tells two configurations apart, and by which settings: eight hex digits of all that counts, a dot, and one character for
 * each setting. No value can be read from it: a character has 6 bits, and secrets are no part.
 */
export function configHash(config: Config): string {
  const values = SHARED.map((name) => countedValue(config, name));
  const whole = createHash('sha256').update(JSON.stringify(values)).digest('hex').slice(0, 8);
  const each = values.map((value, index) =>
    createHash('sha256').update(`${SHARED[index]}\0${value}`).digest('base64url').slice(0, 1),
  );
  return `${whole}.${each.join('')}`;
}

/** The variables in which two hashes differ; none if that cannot be told, as between two versions. */
export function differingSettings(one: string, other: string): string[] {
  const [a = '', b = ''] = [one, other].map((hash) => hash.split('.')[1]);
  if (a.length !== SHARED.length || b.length !== SHARED.length) return [];
  return SHARED.filter((_, index) => a[index] !== b[index]).map(variableOf);
}

/** Stands in for the hash of a worker of several gates: their file may change while it runs. */
export const SHARED_HASH = 'gates';

/** The identity of a worker: `pid@host/0.1.0+9f8e7d6c#1a2b3c4d.…`, with its version and the hash of its configuration. */
export const identityOf = (version: string, hash: string) => `${process.pid}@${hostname()}/${version}#${hash}`;

const HASH = /#([0-9a-f]{8}\.[\w-]+)$/;

/** The hash at the end of a worker's identity; null if it has none. */
export const hashIn = (identity: string) => HASH.exec(identity)?.[1] ?? null;

/** An identity for people: without what only `canary doctor` reads. */
export const shortIdentity = (identity: string) => identity.replace(HASH, (hash) => hash.split('.')[0] ?? hash);

/** The content decides, not the path: it differs between machines. */
function contentOf(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return file;
  }
}
