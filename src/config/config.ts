import { readFileSync } from 'node:fs';
import { z } from 'zod';
import { InvalidInput } from '../contract/brand.js';
import { type Lane, parseLane } from '../contract/ids.js';
import { parseCanaryTag, parseRepository, type Repository, type Tag } from '../contract/image.js';
import type { BuildSource, Plan, ReleaseInput } from '../contract/release.js';
import { formatDuration, parseDuration } from '../domain/duration.js';
import { MAX_SUITE_MS, SMOKE_WAITS } from '../smoke/waits.js';
import { parseBuildProbe } from '../tenants/ask-build.js';
import type { Fleet, FoundFleet } from '../tenants/fleet.js';
import { fleetFinder, list, prodFleetFinder } from '../tenants/sources/index.js';
import { DEFAULT_HTTP_ADDR, type HttpAddress, parseHttpAddress } from './http-address.js';

/** What a worker is configured with, secrets apart. */
export interface Config {
  lane: Lane;
  images: Repository[];
  /** The tenants and their secrets as they are now: a fleet file is read anew each time. @throws {ConfigError} */
  readFleet: () => Fleet;
  /** Where the tenants are read from each time; null when they are fixed. */
  fleetFile: string | null;
  /** The production tenants that are watched after a move, read anew each time; null when none are named. @throws {ConfigError} */
  readProdFleet: (() => Fleet) | null;
  /** The module of a suite of the user's own. */
  smokeSuite: string | null;
  /** What a whole suite may take on a tenant. */
  smokeTimeoutMs: number;
  buildProbe: BuildSource[];
  soakMs: number;
  pollMs: number;
  updateTimeoutMs: number;
  updateCycleMs: number;
  soakProbeMs: number;
  approval: 'auto' | 'required';
  holdTimeoutMs: number;
  /** Where the worker serves health, readiness and metrics; the default gives way when it is taken. */
  http: { address: HttpAddress; isDefault: boolean };
  holdGraceMs: number;
  /** The tag that canary tenants follow, when it is the gate's to point. */
  canaryTag: Tag | null;
  secrets: Secrets;
}

/** Looked up where they are used; never part of a plan, an input or a result. */
export interface Secrets {
  /** For ghcr.io alone. */
  github: { username: string; password: string } | null;
}

/** All that is wrong with a configuration, a line each. */
export class ConfigError extends InvalidInput {
  override readonly name = 'ConfigError';
  constructor(readonly problems: string[]) {
    super(`configuration: ${problems.length === 1 ? problems[0] : `\n  ${problems.join('\n  ')}`}`);
  }
}

/** A zod type from a parser of ours, so that its message is zod's. */
const parsed = <T>(parse: (text: string) => T) =>
  z.string().transform((text, context): T => {
    try {
      return parse(text);
    } catch (error) {
      if (!(error instanceof InvalidInput)) throw error;
      context.addIssue({ code: 'custom', message: error.message });
      return z.NEVER;
    }
  });

function webAddress(text: string): string {
  if (URL.canParse(text) && /^https?:$/.test(new URL(text).protocol)) return text;
  throw new InvalidInput('has to be an http or https address');
}
const duration = (fallback: string) => parsed(parseDuration).prefault(fallback);
const positive = (fallback: string) => duration(fallback).refine((ms) => ms > 0, 'has to be more than 0');

/** Every variable that is read, with its default. Design §7. */
export const SETTINGS = z.object({
  CANARY_TENANT_URLS: parsed(list).prefault(''),
  CANARY_ADMIN_TOKENS: parsed(list).prefault(''),
  CANARY_FLEET_FILE: z.string().optional(),
  CANARY_PROD_FLEET_FILE: z.string().optional(),
  CANARY_SMOKE_SUITE: z
    .string()
    .regex(/\.[cm]?[jt]s$/, 'has to be a .ts or .js file')
    .optional(),
  CANARY_SMOKE_TIMEOUT: positive(formatDuration(SMOKE_WAITS.suiteMs)).refine(
    (ms) => ms <= MAX_SUITE_MS,
    `has to be at most ${formatDuration(MAX_SUITE_MS)}`,
  ),
  CANARY_IMAGES: parsed((text) => list(text).map(parseRepository)).prefault(
    'ghcr.io/molecule-ai/platform,ghcr.io/molecule-ai/platform-tenant',
  ),
  CANARY_LANE: parsed(parseLane).prefault(''),
  CANARY_BUILD_PROBE: parsed(parseBuildProbe).prefault('/health#sha,/buildinfo#git_sha'),
  CANARY_SOAK: duration('6m'),
  CANARY_POLL: positive('5s'),
  CANARY_UPDATE_TIMEOUT: positive('10m'),
  CANARY_UPDATE_CYCLE: duration('5m'),
  CANARY_SOAK_PROBE: duration('60s'),
  CANARY_APPROVAL: z.enum(['auto', 'required'], 'is neither auto nor required').prefault('auto'),
  CANARY_HOLD_TIMEOUT: positive('72h'),
  CANARY_HTTP_ADDR: parsed(parseHttpAddress).prefault(DEFAULT_HTTP_ADDR),
  CANARY_UI_URL: parsed(webAddress).optional(),
  CANARY_RUNBOOK_URL: parsed(webAddress).optional(),
  CANARY_HOLD_GRACE: duration('30m'),
  CANARY_TAG: parsed(parseCanaryTag).optional(),
  GITHUB_TOKEN: z.string().optional(),
  GITHUB_ACTOR: z.string().prefault('x-access-token'),
});

export const SECRETS = ['CANARY_ADMIN_TOKENS', 'GITHUB_TOKEN'];
/** Accepted, and secret, though nothing reads them yet (design §7). */
export const UNREAD = [
  'CANARY_CP_BASE_URL',
  'CANARY_CP_ADMIN_TOKEN',
  'CANARY_CP_SHARED_SECRET',
  'CANARY_REPORT_TOKEN',
  'CANARY_SLACK_WEBHOOK',
];

/** Reads the whole configuration, or says all that is wrong with it at once. An empty value counts as unset.
 * @throws {ConfigError} */
export function loadConfig(
  env: Readonly<Record<string, string | undefined>>,
  readFile: (path: string) => string = (path) => readFileSync(path, 'utf8'),
): Config {
  const problems: string[] = [];
  const given = readSecretFiles(setVariables(env), readFile, problems);
  const known = [...Object.keys(SETTINGS.shape), ...UNREAD];
  for (const name of Object.keys(given).filter((name) => name.startsWith('CANARY_') && !known.includes(name)))
    problems.push(`${name}: no such setting`);

  const result = SETTINGS.safeParse(given);
  const findFleet = fleetFinder(given, { env, readFile });
  const fleet = findFleet();
  const findProdFleet = prodFleetFinder(given, { env, readFile });
  problems.push(...fleet.problems, ...(findProdFleet?.().problems ?? []));
  if (!result.success)
    problems.push(...result.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`));
  if (!result.success || problems.length > 0) throw new ConfigError(problems);

  const settings = result.data;
  return Object.freeze({
    lane: settings.CANARY_LANE,
    images: settings.CANARY_IMAGES,
    readFleet: () => soundFleet(given.CANARY_FLEET_FILE === undefined ? fleet : findFleet()),
    fleetFile: given.CANARY_FLEET_FILE ?? null,
    readProdFleet: findProdFleet && (() => soundFleet(findProdFleet())),
    smokeSuite: settings.CANARY_SMOKE_SUITE ?? null,
    smokeTimeoutMs: settings.CANARY_SMOKE_TIMEOUT,
    buildProbe: settings.CANARY_BUILD_PROBE,
    soakMs: settings.CANARY_SOAK,
    pollMs: settings.CANARY_POLL,
    updateTimeoutMs: settings.CANARY_UPDATE_TIMEOUT,
    updateCycleMs: settings.CANARY_UPDATE_CYCLE,
    soakProbeMs: settings.CANARY_SOAK_PROBE,
    approval: settings.CANARY_APPROVAL,
    holdTimeoutMs: settings.CANARY_HOLD_TIMEOUT,
    http: { address: settings.CANARY_HTTP_ADDR, isDefault: given.CANARY_HTTP_ADDR === undefined },
    holdGraceMs: settings.CANARY_HOLD_GRACE,
    canaryTag: settings.CANARY_TAG ?? null,
    secrets: {
      github: settings.GITHUB_TOKEN ? { username: settings.GITHUB_ACTOR, password: settings.GITHUB_TOKEN } : null,
    },
  });
}

/** How long is borne what may mend itself, in milliseconds, before a human is asked. Tests shorten it. */
export const PATIENCE_MS: Plan['patienceMs'] = {
  registry: 15 * 60_000,
  secret: 5 * 60_000,
  smoke: 3 * 60_000,
};

/** The plan of one release. Input only tightens, but by `force`, and then a human approves; a soak is never shorter than one auto-update cycle (design §6). */
export function planRelease(
  config: Config,
  input: Pick<ReleaseInput, 'soak' | 'force' | 'approval'>,
  patienceMs = PATIENCE_MS,
): Plan {
  const asked = input.soak === undefined ? config.soakMs : parseDuration(input.soak);
  const less = asked < config.soakMs;
  if (less && !input.force)
    throw new InvalidInput(
      `soak ${input.soak} is shorter than the configured ${formatDuration(config.soakMs)}: that needs force and a reason`,
    );
  return {
    images: config.images,
    tenants: config.readFleet().tenants,
    buildProbe: config.buildProbe,
    soakMs: Math.max(asked, config.updateCycleMs),
    soakProbeMs: config.soakProbeMs,
    pollMs: config.pollMs,
    updateTimeoutMs: config.updateTimeoutMs,
    approval: input.force || input.approval === 'required' ? 'required' : config.approval,
    holdTimeoutMs: config.holdTimeoutMs,
    holdGraceMs: config.holdGraceMs,
    ...(config.canaryTag && { tag: config.canaryTag }),
    patienceMs,
  };
}

function soundFleet({ problems, ...fleet }: FoundFleet): Fleet {
  if (problems.length > 0) throw new ConfigError(problems);
  return fleet;
}

function setVariables(env: Readonly<Record<string, string | undefined>>): Record<string, string> {
  const set = Object.entries(env).filter((entry): entry is [string, string] => (entry[1] ?? '').trim() !== '');
  return Object.fromEntries(set);
}

/** `NAME_FILE` gives the secret NAME by a file, whose trailing newline does not count. */
function readSecretFiles(given: Record<string, string>, readFile: (path: string) => string, problems: string[]) {
  const values = { ...given };
  for (const name of [...SECRETS, ...UNREAD]) {
    const path = given[`${name}_FILE`];
    if (path === undefined) continue;
    delete values[`${name}_FILE`];
    if (given[name] !== undefined) {
      problems.push(`${name} and ${name}_FILE are both set: keep one`);
      continue;
    }
    try {
      values[name] = readFile(path).trimEnd();
    } catch (error) {
      problems.push(`${name}_FILE: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
  return values;
}
