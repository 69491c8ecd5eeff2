import { configHash } from '../../../config/hash.js';
import { loadGateConfig } from '../../../config/load.js';
import { ConfigError } from '../../../config/schema.js';
import { gateOf } from '../../../contract/ids.js';
import { type Finding, stops } from '../../../doctor/finding.js';
import { findingLines, worstFirst } from '../../../doctor/lines.js';
import { checkRegistry } from '../../../doctor/registry.js';
import { checkSettings } from '../../../doctor/settings.js';
import { checkTemporal } from '../../../doctor/temporal.js';
import { checkTenants } from '../../../doctor/tenants.js';
import { type Command, type Given, type Io, OUTPUT, TEMPORAL, wantsJson } from '../../command.js';
import { EXIT } from '../../exit-codes.js';
import { laneFrom } from '../../identity.js';
import { interruptCode } from '../../interrupt.js';
import { withRegistry } from '../../local/with-registry.js';

export const doctor: Command = {
  options: [...OUTPUT],
  environment: [
    ...TEMPORAL,
    "the worker's: CANARY_IMAGES, CANARY_FLEET_FILE or CANARY_TENANT_URLS and CANARY_ADMIN_TOKENS, ...",
    'GITHUB_TOKEN, or the credentials Docker is logged in with',
  ],
  examples: ['canary doctor', 'canary doctor -o json', 'TEMPORAL_PROFILE=prod canary doctor || exit 1'],
  run,
};

async function run(given: Given, io: Io): Promise<number> {
  try {
    const findings = await runChecks(io);
    if (wantsJson(given)) io.out(JSON.stringify({ stops: stops(findings), findings: worstFirst(findings) }));
    else for (const line of findingLines(findings)) io.out(line);
    return stops(findings) ? EXIT.refused : EXIT.done;
  } catch (error) {
    if (!io.signal.aborted) throw error;
    io.err('canary: interrupted');
    return interruptCode(io.signal);
  }
}

/** Runs all checks at once; a check that cannot run does not stop the others. */
async function runChecks(io: Io): Promise<Finding[]> {
  const lane = laneFrom(io);
  const { gate, problems } = await loadGate(io);
  // A worker of several gates has the hash of all of them.
  const hash = gate && gateOf(lane) === null ? configHash(gate.config) : null;
  const results = await Promise.all([
    checkTemporal({ env: io.env, lane, hash }, io.signal),
    registryFindings(io),
    gate ? checkTenants(gate, io.signal) : [],
  ]);
  return [...problems, ...results.flat()];
}

async function loadGate(io: Io) {
  try {
    const gate = await loadGateConfig(io.env);
    return { gate, problems: await checkSettings(gate.config) };
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    const fix = 'no worker starts with this, and no tenant was checked: canary worker reads the same environment';
    const problems = error.problems.map((what): Finding => ({ area: 'settings', level: 'stops', what, fix }));
    return { gate: null, problems };
  }
}

/** Works also if the fleet is configured wrongly. */
async function registryFindings(io: Io): Promise<Finding[]> {
  try {
    return await withRegistry(io, (client, { images }) => checkRegistry(client, images, io.signal));
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return [{ area: 'registry', level: 'note', what: 'was not checked: the settings are invalid' }];
  }
}
