import { once } from 'node:events';
import { configHash } from '../../../config/hash.js';
import { loadGateConfig } from '../../../config/load.js';
import { type Config, ConfigError } from '../../../config/schema.js';
import { nullIfInvalid } from '../../../contract/brand.js';
import { gateOf, type Lane } from '../../../contract/ids.js';
import { type Finding, stops } from '../../../doctor/finding.js';
import { checkJudges } from '../../../doctor/judges.js';
import { compareLatest, type ReadState, tryOverwriting } from '../../../doctor/latest.js';
import { findingLines, worstFirst } from '../../../doctor/lines.js';
import { runCheck } from '../../../doctor/look.js';
import { checkNetworks } from '../../../doctor/networks.js';
import { checkCopy, checkRegistry } from '../../../doctor/registry.js';
import { checkSettings } from '../../../doctor/settings.js';
import { checkTemporal } from '../../../doctor/temporal.js';
import { checkTenants } from '../../../doctor/tenants.js';
import type { Registry } from '../../../registry/context.js';
import { withClient } from '../../../temporal/connect.js';
import { connectionConfig } from '../../../temporal/connection.js';
import { laneClient } from '../../../temporal/lane-client.js';
import { payloadKeys } from '../../../temporal/payloads/keys.js';
import { FleetError, FleetUnreadable } from '../../../tenants/fleet.js';
import { type Command, type Given, type Io, OUTPUT, TEMPORAL, wantsJson } from '../../command.js';
import { EXIT } from '../../exit-codes.js';
import { laneFrom } from '../../identity.js';
import { interruptCode } from '../../interrupt.js';
import { withRegistry } from '../../local/with-registry.js';

/** Time limit of one trial write with what is read before and after it, in milliseconds: images follow one another. */
const OVERWRITE_MS = 10_000;

export const doctor: Command = {
  options: [
    ...OUTPUT,
    {
      flags: '--write-probe',
      description:
        "write each :latest's own manifest again, to see whether it may be overwritten; the lane must be paused",
    },
  ],
  environment: [
    ...TEMPORAL,
    "the worker's: CANARY_IMAGES, CANARY_FLEET_FILE or CANARY_TENANT_URLS and CANARY_ADMIN_TOKENS, ...",
    'GITHUB_TOKEN, or the credentials Docker is logged in with',
    'HTTPS_PROXY, HTTP_PROXY, NO_PROXY, SSL_CERT_FILE, SSL_CERT_DIR: docs/networks.md',
  ],
  examples: ['canary doctor', 'canary doctor -o json', 'TEMPORAL_PROFILE=prod canary doctor || exit 1'],
  run,
};

async function run(given: Given, io: Io): Promise<number> {
  try {
    const findings = await runChecks(io, given.options.writeProbe === true);
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
async function runChecks(io: Io, writes: boolean): Promise<Finding[]> {
  const lane = laneFrom(io);
  const { gate, problems } = await loadGate(io);
  // A worker of several gates has the hash of all of them.
  const hash = gate && gateOf(lane) === null ? configHash(gate.config) : null;
  const results = await Promise.all([
    checkTemporal({ env: io.env, lane, hash }, io.signal),
    withState(io, lane, async (read) => {
      const tenants = gate ? checkTenants(gate, read, io.signal) : [];
      return (await Promise.all([registryFindings(io, lane, read, writes), tenants])).flat();
    }),
    gate ? checkJudges(gate) : [],
    gate ? networkFindings(gate.config, io) : [],
  ]);
  return [...problems, ...results.flat()];
}

/** `checkSettings` has just asked a fleet from elsewhere, in milliseconds. */
const MAX_AGE_MS = 60_000;

/** Problems of a configuration, or of a fleet from elsewhere; null for any other error. */
function problemsOf(error: unknown): string[] | null {
  if (error instanceof ConfigError || error instanceof FleetError) return error.problems;
  return error instanceof FleetUnreadable ? [error.message] : null;
}

async function loadGate(io: Io) {
  try {
    const gate = await loadGateConfig(io.env);
    return { gate, problems: await checkSettings(gate.config) };
  } catch (error) {
    const found = problemsOf(error);
    if (found === null) throw error;
    const fix = 'no worker starts with this, and no tenant was checked: canary worker reads the same environment';
    const problems = found.map((what): Finding => ({ area: 'settings', level: 'stops', what, fix }));
    return { gate: null, problems };
  }
}

/** By which proxies everything is reached; a wrong address of Temporal is its own check's. */
async function networkFindings(config: Config, io: Io): Promise<Finding[]> {
  const temporal = nullIfInvalid(() => connectionConfig(io.env).facts.via ?? null);
  const sources = [config.fleet, config.productionFleet].filter((source) => source !== null);
  return checkNetworks(
    config,
    await Promise.all(sources.map((source) => source.read(io.signal, MAX_AGE_MS))),
    temporal,
  );
}

/** Works also if the fleet is configured wrongly. */
async function registryFindings(io: Io, lane: Lane, read: ReadState, writes: boolean): Promise<Finding[]> {
  const look = (registry: Registry, { images }: Config) => {
    const check = (name: string, query: typeof compareLatest, ms?: number) =>
      runCheck(
        { area: 'registry', name, fix: 'canary status' },
        io.signal,
        (signal) => query(registry, read, images, signal),
        ms,
      );
    return Promise.all([
      checkRegistry(registry, images, io.signal),
      check(':latest and the ledger', compareLatest),
      check('the copy of the ledger', (on, state, ours, signal) =>
        checkCopy(on, state, ours, { lane, keys: payloadKeys(io.env) }, signal),
      ),
      writes ? check('overwriting :latest', tryOverwriting, images.length * OVERWRITE_MS) : [],
    ]);
  };
  try {
    return (await withRegistry(io, look)).flat();
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return [{ area: 'registry', level: 'note', what: 'was not checked: the settings are invalid' }];
  }
}

/**
 * Runs `use` with what reads the state of the lane, all on one connection, for which nothing else waits. It reads null without a lane, or if
 * Temporal cannot be asked, which is a check of its own.
 */
async function withState<T>(io: Io, lane: Lane, use: (read: ReadState) => Promise<T>): Promise<T> {
  const over = new AbortController();
  const ended = once(over.signal, 'abort');
  const opened = new Promise<ReadState>((resolve) => {
    const session = withClient(io.env, (client) => {
      resolve(() => laneClient(client, lane).state());
      return ended;
    });
    session.catch(() => resolve(async () => null));
  });
  const read = async () => {
    const state = await opened;
    return state().catch(() => null);
  };
  return use(read).finally(() => over.abort());
}
