import { readFileSync } from 'node:fs';
import type { Client } from '@temporalio/client';
import { envOfGate, gateNames, readGates } from '../../../config/gates.js';
import { checkDriftId } from '../../../contract/ids.js';
import { SEARCH_ATTRIBUTES } from '../../../contract/search-attributes.js';
import { formatDuration } from '../../../domain/duration.js';
import { deniedOrUnsupported, withClient } from '../../../temporal/connect.js';
import {
  changeRetention,
  parseRetention,
  registerByHand,
  registerSearchAttributes,
  scheduleDriftCheck,
} from '../../../temporal/namespace.js';
import { BY, type Command, type Given, type Io, REGISTRY, TEMPORAL, textOption } from '../../command.js';
import { EXIT } from '../../exit-codes.js';
import { laneFrom } from '../../identity.js';
import { adoptInitialLatest } from '../../local/adopt-initial.js';

export const setup: Command = {
  description:
    'Prepare a Temporal namespace: register the search attributes, schedule the drift check, change the retention if requested, and, before the first release, start the lane with :latest as it is. Safe to repeat.',
  options: [
    {
      flags: '--retention <duration>',
      description: 'how long the namespace keeps ended runs, at least 24h, e.g. 720h',
    },
    BY,
  ],
  environment: [...TEMPORAL, `the first time: ${REGISTRY}`],
  examples: ['canary setup', 'canary setup --retention 720h', 'TEMPORAL_PROFILE=prod canary setup'],
  run,
};

function run(given: Given, io: Io): Promise<number> {
  const retention = textOption(given, 'retention');
  const retentionMs = retention === undefined ? null : parseRetention(retention);
  return withClient(io.env, async (client) => {
    const isRegistered = await register(client, io);
    if (retentionMs !== null) await setRetention(retentionMs, client, io);
    let isAdopted = true;
    for (const [index, gate] of gateIos(io).entries()) {
      // All gates of a file share one schedule.
      if (index === 0) await scheduleDrift(client, gate);
      isAdopted = (await adoptInitialLatest(client, given, gate)) && isAdopted;
    }
    return isRegistered && isAdopted ? EXIT.done : EXIT.fault;
  });
}

/** What `setup` sees of each gate: of the one of the environment, or of all in `CANARY_GATES_FILE`.
 * @throws {ConfigError} */
function gateIos(io: Io): Io[] {
  const readFile = (path: string) => readFileSync(path, 'utf8');
  const gates = readGates(io.env, readFile);
  if (gates === null) return [io];
  return gateNames(io.env, readFile).map((name) => ({ ...io, env: envOfGate(io.env, name, readFile) }));
}

/** Registers the search attributes; false if one is known to be missing, and stays so. */
async function register({ connection, options }: Client, io: Io): Promise<boolean> {
  const { namespace } = options;
  try {
    const { added, unlisted } = await registerSearchAttributes(connection, namespace, SEARCH_ATTRIBUTES);
    const state = added.length === 0 ? 'all search attributes are registered' : `registered ${added.join(', ')}`;
    io.out(
      `${namespace}: ${unlisted === null ? state : `warning: these credentials cannot list the search attributes (${unlisted}); if one is missing, ${registerByHand(SEARCH_ATTRIBUTES)}`}`,
    );
    return true;
  } catch (error) {
    const rejection = deniedOrUnsupported(error);
    if (rejection === null) throw error;
    io.err(
      `canary: cannot register the search attributes of ${namespace} with these credentials: ${rejection} (${registerByHand(SEARCH_ATTRIBUTES)})`,
    );
    return false;
  }
}

/** Schedules `CheckDrift`. A gate works without it, so a server that refuses it does not stop the setup. */
async function scheduleDrift(client: Client, io: Io): Promise<void> {
  const lane = laneFrom(io);
  const name = `schedule ${checkDriftId(lane)}`;
  try {
    const existed = await scheduleDriftCheck(client, lane);
    io.out(`${name}: every 5m, ${existed ? 'unchanged' : 'created'}`);
  } catch (error) {
    const rejection = deniedOrUnsupported(error);
    if (rejection === null) throw error;
    io.out(`${name}: refused (${rejection}); without it a lost :latest or rollback target goes unnoticed`);
  }
}

async function setRetention(retentionMs: number, client: Client, io: Io): Promise<void> {
  const { namespace } = client.options;
  const to = formatDuration(retentionMs);
  try {
    const from = formatDuration(await changeRetention(client, retentionMs));
    io.out(`${namespace}: ended runs are kept for ${from === to ? `${to}, unchanged` : `${to}, before: ${from}`}`);
  } catch (error) {
    const rejection = deniedOrUnsupported(error);
    if (rejection === null) throw error;
    throw new Error(
      `cannot change the retention of ${namespace} with these credentials: ${rejection} (on Temporal Cloud use its web page or tcld, elsewhere ask an administrator: temporal operator namespace update --namespace ${namespace} --retention ${to})`,
      { cause: error },
    );
  }
}
