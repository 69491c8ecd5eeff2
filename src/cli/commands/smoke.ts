import { readFileSync, writeFileSync } from 'node:fs';
import { loadGateConfig } from '../../config/load.js';
import { type Config, ConfigError } from '../../config/schema.js';
import { InvalidInput } from '../../contract/brand.js';
import type { PlannedTenant } from '../../contract/release.js';
import { parseToken } from '../../contract/secret.js';
import { type TenantSmoke, verdictOf } from '../../contract/tenants/check.js';
import { networkOf } from '../../net/network.js';
import type { Access } from '../../smoke/session.js';
import { judgingNow, smokeFleet } from '../../smoke/smoke-tenant.js';
import { parsedOr, parseOrigin } from '../../tenants/fleet.js';
import { withoutFleet } from '../../tenants/sources/variables.js';
import { type Command, type Given, type Io, OUTPUT, textOption, wantsJson } from '../command.js';
import { EXIT } from '../exit-codes.js';
import { interruptCode } from '../interrupt.js';
import { junit } from '../print/junit.js';
import { printSummary, printTenant, smokeData } from '../print/smoke.js';

export const smoke: Command = {
  options: [
    { flags: '--url <url>', description: 'test this tenant instead of the configured ones' },
    { flags: '--token-env <name>', description: 'with --url: the variable that holds its admin token' },
    {
      flags: '--token-file <file>',
      description: 'with --url: the file that holds its admin token, - for standard input',
    },
    { flags: '--junit <file>', description: 'also write the results as JUnit XML' },
    ...OUTPUT,
  ],
  environment: ['CANARY_TENANT_URLS and CANARY_ADMIN_TOKENS, or CANARY_FLEET_FILE', 'CANARY_SMOKE_SUITE'],
  examples: [
    'CANARY_TENANT_URLS=https://canary-1.example.com CANARY_ADMIN_TOKENS_FILE=tokens canary smoke',
    'CANARY_FLEET_FILE=fleet.json CANARY_SMOKE_SUITE=suite.ts canary smoke --junit smoke.xml',
    'canary smoke --url https://canary-1.example.com --token-file - < token',
  ],
  run,
};

type SmokeTargets = (PlannedTenant & { access: Access })[];

async function run(given: Given, io: Io): Promise<number> {
  const prepared = await prepare(given, io).catch((error: unknown) => {
    if (!(error instanceof ConfigError)) throw error;
    return error.problems;
  });
  if (Array.isArray(prepared)) {
    // The lines of the script that this command replaced: people grep for them.
    for (const problem of prepared) io.err(`ERROR: ${problem}`);
    return EXIT.usage;
  }
  try {
    return await runSmoke(prepared, given, io);
  } catch (error) {
    if (!io.signal.aborted) throw error;
    io.err('canary: interrupted');
    return interruptCode(io.signal);
  }
}

/** The tenants, the suite and the JUnit file.
 * @throws {ConfigError}, {InvalidInput} */
async function prepare(given: Given, io: Io) {
  const singleTenant = await tenantFromFlags(given, io);
  // The configured fleet is ignored for a tenant given by --url.
  const { config, suite } = await loadGateConfig(singleTenant ? withoutFleet(io.env) : io.env, 'smoke');
  const fleet = singleTenant ?? (await configuredTargets(config, io.signal));
  if (fleet.length === 0) throw new ConfigError(['no canary URLs configured']);
  const file = textOption(given, 'junit');
  if (file !== undefined) writeJunit(file, '');
  return { fleet, suite, file, judging: judgingNow(config), timeoutMs: config.smokeTimeoutMs };
}

async function configuredTargets({ fleet }: Config, signal: AbortSignal): Promise<SmokeTargets> {
  const { tenants, access } = (await fleet?.read(signal)) ?? { tenants: [], access: new Map() };
  return tenants.map((tenant) => ({ ...tenant, access: access.get(tenant.origin) as Access }));
}

async function tenantFromFlags(given: Given, io: Io): Promise<SmokeTargets | null> {
  const [url, variable, file] = [
    textOption(given, 'url'),
    textOption(given, 'tokenEnv'),
    textOption(given, 'tokenFile'),
  ];
  if (url === undefined) {
    if (variable ?? file) throw new InvalidInput('--token-env and --token-file need --url');
    return null;
  }
  const origin = parseOrigin(url, 'its token comes by --token-env or --token-file');
  if (typeof origin !== 'string') throw new InvalidInput(`--url ${origin.problem}`);
  if ((variable === undefined) === (file === undefined))
    throw new InvalidInput('--url needs one of --token-env NAME and --token-file FILE');
  const text = variable === undefined ? await readToken(file ?? '', io) : (io.env[variable] ?? '');
  const flag = variable === undefined ? '--token-file' : `--token-env ${variable}`;
  const refuse = (problem: string) => {
    throw new InvalidInput(`${flag}: the token ${problem}`);
  };
  const token = parsedOr(refuse, parseToken, text);
  if (token === '') refuse('is empty');
  return [{ name: 'canary-1', origin, access: { token, headers: {}, network: networkOf(io.env) } }];
}

async function readToken(file: string, io: Io): Promise<string> {
  if (file === '-') return io.input();
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw new InvalidInput(`--token-file: ${(error as Error).message}`);
  }
}

function writeJunit(file: string, content: string): void {
  try {
    writeFileSync(file, content);
  } catch (error) {
    throw new InvalidInput(`--junit: ${(error as Error).message}`);
  }
}

async function runSmoke(prepared: Awaited<ReturnType<typeof prepare>>, given: Given, io: Io): Promise<number> {
  const { fleet, suite, file, judging, timeoutMs } = prepared;
  const json = wantsJson(given);
  const finished: TenantSmoke[] = [];
  let next = 0;
  // A tenant is printed once it and all before it are done: lines come in the order of the configuration.
  const printInOrder = (result: TenantSmoke, index: number) => {
    finished[index] = result;
    for (let one = finished[next]; one !== undefined; one = finished[++next])
      if (!json) printTenant(one, fleet[next]?.origin ?? '', io);
  };
  const options = { suite, judging, waits: { suiteMs: timeoutMs }, signal: io.signal };
  const results = await smokeFleet(fleet, options, printInOrder);
  if (json) io.out(JSON.stringify(smokeData(results, fleet)));
  else printSummary(results, io);
  if (file !== undefined) writeJunit(file, junit(results));
  return { pass: EXIT.done, fail: EXIT.refused, 'could-not-test': EXIT.fault }[verdictOf(results)];
}
