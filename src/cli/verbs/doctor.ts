import { ConfigError } from '../../config/config.js';
import { loadGateConfig } from '../../config/gate-config.js';
import { configHash } from '../../config/hash.js';
import { type Finding, stops } from '../../doctor/finding.js';
import { findingLines, worstFirst } from '../../doctor/lines.js';
import { checkRegistry } from '../../doctor/registry.js';
import { checkSettings } from '../../doctor/settings.js';
import { checkTemporal } from '../../doctor/temporal.js';
import { checkTenants } from '../../doctor/tenants.js';
import { type Given, type Io, wantsJson } from '../command.js';
import { EXIT } from '../exit-codes.js';
import { withRegistry } from '../local-gate.js';
import { laneFrom } from '../requester.js';

/** Tells all that was found, as lines or as one object. */
export async function doctor(given: Given, io: Io): Promise<number> {
  try {
    const findings = await runChecks(io);
    if (wantsJson(given)) io.out(JSON.stringify({ stops: stops(findings), findings: worstFirst(findings) }));
    else for (const line of findingLines(findings)) io.out(line);
    return stops(findings) ? EXIT.refused : EXIT.done;
  } catch (error) {
    if (!io.signal.aborted) throw error;
    io.err('canary: interrupted');
    return EXIT.detached;
  }
}

/** Looks at everything at once; what cannot be looked at does not keep the rest from being told. */
async function runChecks(io: Io): Promise<Finding[]> {
  const lane = laneFrom(io);
  const { gate, problems } = await loadGate(io);
  const hash = gate && configHash(gate.config);
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
    return { gate, problems: checkSettings(gate.config) };
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    const fix = 'no worker starts with this, and no tenant was looked at: canary worker reads the same environment';
    const problems = error.problems.map((what): Finding => ({ area: 'settings', level: 'stops', what, fix }));
    return { gate: null, problems };
  }
}

/** A fleet that is configured wrongly does not matter to the registry. */
async function registryFindings(io: Io): Promise<Finding[]> {
  try {
    return await withRegistry(io, (client, { images }) => checkRegistry(client, images, io.signal));
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return [{ area: 'registry', level: 'note', what: 'was not looked at: the settings are wrong' }];
  }
}
