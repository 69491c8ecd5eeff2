import { readFileSync } from 'node:fs';
import { InvalidInput, listed } from '../contract/brand.js';
import { parseToken } from '../contract/secret.js';
import { liveFile } from '../net/live-file.js';
import { DIRECT, type Network, networkOf } from '../net/network.js';
import { judgeAccess } from '../smoke/kinds/judge.js';
import { loadSuite, SuiteError } from '../smoke/load-suite.js';
import type { Suite } from '../smoke/suite.js';
import { type ControlPlane, createControlPlane } from '../tenants/control-plane/client.js';
import { createMembers, type Members } from '../tenants/control-plane/members.js';
import { FleetError, type FleetSource } from '../tenants/fleet.js';
import { readsOthers } from '../tenants/other-tenants.js';
import type { FileSources } from '../tenants/sources/file.js';
import { fleetSource, productionFleetSource } from '../tenants/sources/index.js';
import { autoRollbackProblems } from './auto-rollback.js';
import { controlPlaneProblems, parseControlPlaneSettings, parseFleetSettings } from './fleet-settings.js';
import { identityProblems } from './identity-settings.js';
import { EXAMPLE_IMAGES } from './image-settings.js';
import { misspelled } from './misspelled.js';
import { list } from './parsers.js';
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
  // The fleet is checked even if another setting is invalid.
  const { adminTokens, productionFleetFile, fleetToken, ...fleetSettings } = parseFleetSettings(texts);
  const network = readNetwork(env, problems);
  const sources = { env, readFile, network };
  const tokens = current('CANARY_ADMIN_TOKENS', adminTokens, list, sources);
  const token = current<string | null>('CANARY_FLEET_TOKEN', fleetToken, parseToken, sources);
  const controlPlane = readControlPlane(texts, productionFleetFile !== null, problems, sources);
  const fleet = fleetSource({ ...fleetSettings, tokens, fleetToken: token, controlPlane }, sources);
  const productionFleet = productionFleetSource(productionFleetFile, sources);
  const fleetProblems = [...(await problemsOf(fleet)), ...(await problemsOf(productionFleet))];
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
    fleet,
    productionFleet,
    controlPlane,
    members: membersOf(result.data, sources),
    network,
    judging: judgeAccess(result.data.smokeSuite, {
      ...sources,
      others: readsOthers({ fleet, productionFleet, network }),
    }),
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

function readControlPlane(
  texts: Record<string, string | undefined>,
  hasProduction: boolean,
  problems: string[],
  sources: FileSources,
): ControlPlane | null {
  const given = parseControlPlaneSettings(texts);
  if (given === null) return null;
  problems.push(...controlPlaneProblems(given, hasProduction));
  const { cpBaseUrl: baseUrl, cpAdminToken, cpSharedSecret, cpTenantUrl: tenantUrl } = given;
  if (baseUrl === null || cpAdminToken === null) return null;
  const adminToken = current('CANARY_CP_ADMIN_TOKEN', cpAdminToken, parseToken, sources);
  const shared = current<string | null>('CANARY_CP_SHARED_SECRET', cpSharedSecret, parseToken, sources);
  return createControlPlane({ baseUrl, adminToken, sharedSecret: shared, tenantUrl, network: sources.network });
}

function membersOf(
  { fleetFile: file, secretCommand, secretCommandEnv }: Settings,
  sources: FileSources,
): Members | null {
  return file === null ? null : createMembers({ file, command: secretCommand, passed: secretCommandEnv }, sources);
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

async function problemsOf(source: FleetSource | null): Promise<string[]> {
  if (source?.problems) return source.problems();
  try {
    await source?.read();
    return [];
  } catch (error) {
    if (error instanceof FleetError) return error.problems;
    throw error;
  }
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

/** A secret as it is now: its file is read again, for secrets are rotated while a worker runs. */
function current<T>(
  name: string,
  first: T,
  parse: (text: string) => T,
  { env, readFile }: { env: Env; readFile: ReadFile },
): () => T {
  const path = env[`${name}_FILE`]?.trim();
  return path ? liveFile(first, () => readFile(path), parse) : () => first;
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
