import { readFileSync } from 'node:fs';
import { InvalidInput, listed } from '../contract/brand.js';
import { parseToken } from '../contract/secret.js';
import { DIRECT, type Network, networkOf } from '../net/network.js';
import type { Suite } from '../smoke/suite.js';
import { autoRollbackProblems } from './auto-rollback.js';
import { identityProblems } from './identity-settings.js';
import { EXAMPLE_IMAGES } from './image-settings.js';
import { misspelled } from './misspelled.js';
import {
  type Config,
  ConfigError,
  type Env,
  RAW,
  SECRETS,
  SETTING_NAMES,
  SETTINGS,
  type Settings,
  UNSUPPORTED,
  variableOf,
} from './schema.js';
import { sinkProblems, sinkSecrets } from './sink-settings.js';
import { current } from './tenants/current.js';
import { withoutTenants } from './tenants/none.js';
import { unsafeSettings } from './unsafe.js';

type ReadFile = (path: string) => string;

/** What a configuration is for: a `worker` needs images and safe durations, work on the `registry` only images, a `smoke` neither. */
type Purpose = 'worker' | 'registry' | 'smoke';

/** Reads the whole configuration, fleets included. An empty value counts as unset.
 * @throws {ConfigError} with all problems. */
export async function loadConfig(env: Env, readFile?: ReadFile, purpose: Purpose = 'worker'): Promise<Config> {
  const { config, problems, fleetProblems } = await readConfig(env, purpose, readFile);
  if (config === null || problems.length + fleetProblems.length > 0)
    throw new ConfigError([...problems, ...fleetProblems]);
  return config;
}

/** The configuration, and the suite that it names: loaded once, here.
 * @throws {ConfigError} with the problems of both. */
export async function loadGateConfig(env: Env, purpose?: Purpose): Promise<{ config: Config; suite: Suite }> {
  const { config, suite, problems } = await loadWorkerConfig(env, purpose);
  if (suite === null || problems.length > 0) throw new ConfigError(problems);
  return { config, suite };
}

/**
 * The configuration of a worker. A fleet or a suite that cannot be used does not stop it: a rollback needs neither.
 * @returns `problems`: why it cannot test releases; `suite` is null if the suite is one of them.
 * @throws {ConfigError} with all problems, if any other setting is invalid.
 */
export async function loadWorkerConfig(
  env: Env,
  purpose: Purpose = 'worker',
): Promise<{ config: Config; suite: Suite | null; problems: string[] }> {
  const { config, problems, fleetProblems } = await readConfig(env, purpose);
  // The module is loaded even if another setting is invalid, so that its problems are reported as well.
  const path = SETTINGS.shape.smokeSuite.safeParse(env[variableOf('smokeSuite')]?.trim() || undefined);
  const suiteProblems: string[] = [];
  const { loadSuite, SuiteError } = await import('../smoke/load-suite.js');
  const suite = await loadSuite(path.data ?? null).catch((error: unknown) => {
    if (!(error instanceof SuiteError)) throw error;
    suiteProblems.push(...error.problems.map((problem) => `${variableOf('smokeSuite')}: ${problem}`));
    return null;
  });
  const testProblems = [...fleetProblems, ...suiteProblems];
  if (config === null || problems.length > 0) throw new ConfigError([...problems, ...testProblems]);
  return { config, suite, problems: listed(testProblems) };
}

async function readConfig(
  env: Env,
  purpose: Purpose,
  readFile: ReadFile = (path) => readFileSync(path, 'utf8'),
): Promise<{ config: Config | null; problems: string[]; fleetProblems: string[] }> {
  const given = setVariables(env);
  const problems = [...unsupportedProblems(given), ...readSecretFiles(given, readFile), ...unknownProblems(given)];
  const texts = Object.fromEntries(SETTING_NAMES.map((name) => [name, given[variableOf(name)]]));
  if (purpose !== 'smoke') problems.push(...imagesProblems(texts.images));
  const result = SETTINGS.safeParse(texts);
  const network = readNetwork(env, problems);
  const sources = { env, readFile, network };
  // Tenants are checked even if another setting is invalid. Work on the registry needs none, nor what it takes to load them.
  const tenants =
    purpose === 'registry'
      ? withoutTenants(network)
      : await (await import('./tenants/read.js')).readTenants(texts, sources);
  const { fleetProblems } = tenants;
  problems.push(...tenants.problems);
  if (!result.success) {
    const lines = result.error.issues.map(({ path, message }) => {
      const variable = variableOf(path[0] as keyof typeof SETTINGS.shape);
      return `${env[variable]?.trim() || !SECRETS.includes(variable) ? variable : `${variable}_FILE`}: ${message}`;
    });
    return { config: null, problems: [...problems, ...lines], fleetProblems };
  }
  if (purpose === 'worker' && !result.data.unsafe)
    problems.push(...unsafeSettings(result.data).map((one) => `${one}, or CANARY_UNSAFE=true for a trial`));
  if (result.data.canaryTag === result.data.promoteTag)
    problems.push(
      `CANARY_TAG and CANARY_PROMOTE_TAG are both ${result.data.promoteTag}: canary and production need a tag each`,
    );
  problems.push(...autoRollbackProblems(result.data));
  problems.push(...identityProblems(result.data), ...sinkProblems(result.data));
  const { githubToken, githubActor, images, http } = result.data;
  const password = githubToken === null ? null : current('GITHUB_TOKEN', githubToken, parseToken, sources);
  const config: Config = Object.freeze({
    ...withoutRaw(result.data),
    images: images.map(({ repository }) => repository),
    optionalImages: images.flatMap(({ repository, isOptional }) => (isOptional ? repository : [])),
    fleet: tenants.fleet,
    productionFleet: tenants.productionFleet,
    controlPlane: tenants.controlPlane,
    members: tenants.membersOf(result.data),
    network,
    judging: tenants.judgingOf(result.data.smokeSuite),
    http: { address: http, isDefault: given[variableOf('http')] === undefined },
    secrets: {
      github: password && {
        username: githubActor,
        get password() {
          return password();
        },
      },
      ...sinkSecrets(result.data, (name, first, parse) => current(name, first, parse, sources)),
    },
  });
  return { config, problems, fleetProblems };
}

/** Settings without those that `Config` has in another form, secrets among them. */
function withoutRaw(settings: Settings): Omit<Settings, (typeof RAW)[number]> {
  const names = SETTING_NAMES.filter((name) => !RAW.some((one) => one === name));
  return Object.fromEntries(names.map((name) => [name, settings[name]])) as ReturnType<typeof withoutRaw>;
}

/** A default would be written to: a forgotten line of a staging gate must not move production. */
function imagesProblems(images: string | undefined): string[] {
  if (SETTINGS.shape.images.safeParse(images).data?.length !== 0) return [];
  return [`CANARY_IMAGES is missing: name the images that move together, e.g. CANARY_IMAGES=${EXAMPLE_IMAGES}`];
}

function readNetwork(env: Env, problems: string[]): Network {
  try {
    return networkOf(env);
  } catch (error) {
    if (!(error instanceof InvalidInput)) throw error;
    problems.push(error.message);
    return DIRECT;
  }
}

function setVariables(env: Env): Record<string, string> {
  const set = Object.entries(env).filter((entry): entry is [string, string] => (entry[1] ?? '').trim() !== '');
  return Object.fromEntries(set);
}

function unsupportedProblems(given: Record<string, string>): string[] {
  const names = UNSUPPORTED.flatMap((name) => [name, `${name}_FILE`]);
  return names.filter((name) => name in given).map((name) => `${name} is not supported yet: unset it`);
}

function unknownProblems(given: Record<string, string>): string[] {
  const known = [...SETTING_NAMES.map(variableOf), ...UNSUPPORTED.flatMap((name) => [name, `${name}_FILE`])];
  const unknown = Object.keys(given).filter((name) => name.startsWith('CANARY_') && !known.includes(name));
  const meantFor = new Map(misspelled(given).map(({ name, meant }) => [name, meant]));
  const alike = [...meantFor].filter(([name, meant]) => meant.startsWith('CANARY_') && !unknown.includes(name));
  return [...unknown, ...alike.map(([name]) => name)].map((name) => {
    const meant = meantFor.get(name);
    return `${name}: no such setting${meant === undefined ? '' : `: did you mean ${meant}?`}`;
  });
}

/** Replaces each `NAME_FILE` of a secret by NAME with the content of the file, unless it is empty; returns the problems. */
function readSecretFiles(given: Record<string, string>, readFile: ReadFile): string[] {
  return SECRETS.flatMap((name) => {
    const path = given[`${name}_FILE`];
    delete given[`${name}_FILE`];
    if (path === undefined) return [];
    if (given[name] !== undefined) return [`${name} and ${name}_FILE are both set: keep one`];
    try {
      const text = readFile(path).trim();
      if (text !== '') given[name] = text;
      return [];
    } catch (error) {
      return [`${name}_FILE: ${error instanceof Error ? error.message : String(error)}`];
    }
  });
}
