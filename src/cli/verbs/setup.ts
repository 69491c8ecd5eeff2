import type { Client } from '@temporalio/client';
import { checkDriftId } from '../../contract/ids.js';
import { SEARCH_ATTRIBUTES } from '../../contract/search-attributes.js';
import { formatDuration } from '../../domain/duration.js';
import { deniedOrUnsupported, withClient } from '../../temporal/connect.js';
import {
  changeRetention,
  parseRetention,
  registerSearchAttributes,
  scheduleDriftCheck,
} from '../../temporal/namespace.js';
import { type Given, type Io, textOption } from '../command.js';
import { EXIT } from '../exit-codes.js';
import { laneFrom } from '../requester.js';
import { adoptInitialLatest } from './first-day.js';

export function setup(given: Given, io: Io): Promise<number> {
  const retention = textOption(given, 'retention');
  const retentionMs = retention === undefined ? null : parseRetention(retention);
  return withClient(io.env, async (client) => {
    const { namespace } = client.options;
    const added = await explainIfDenied(
      `search attributes of ${namespace}`,
      SEARCH_ATTRIBUTES.map(({ name, type }) => `${name} as ${type}`).join(', '),
      registerSearchAttributes(client.connection, namespace, SEARCH_ATTRIBUTES),
    );
    io.out(
      added.length === 0
        ? `${namespace}: all search attributes were there`
        : `${namespace}: registered ${added.join(', ')}`,
    );
    if (retentionMs !== null) await setRetention(retentionMs, client, io);
    await scheduleDrift(client, io);
    await adoptInitialLatest(client, given, io);
    return EXIT.done;
  });
}

/** A gate works without: a server that refuses it does not stop the rest. */
async function scheduleDrift(client: Client, io: Io): Promise<void> {
  const lane = laneFrom(io);
  const name = `schedule ${checkDriftId(lane)}`;
  try {
    const existed = await scheduleDriftCheck(client, lane);
    io.out(`${name}: every 5m, ${existed ? 'as before' : 'from now on'}`);
  } catch (error) {
    const rejection = deniedOrUnsupported(error);
    if (rejection === null) throw error;
    io.out(`${name}: refused (${rejection}); without it nobody notices when :latest or a rollback target goes away`);
  }
}

async function setRetention(retentionMs: number, client: Client, io: Io): Promise<void> {
  const { namespace } = client.options;
  const to = formatDuration(retentionMs);
  const from = formatDuration(
    await explainIfDenied(
      `retention of ${namespace}`,
      `temporal operator namespace update --namespace ${namespace} --retention ${to}`,
      changeRetention(client, retentionMs),
    ),
  );
  io.out(`${namespace}: ended runs are kept for ${from === to ? `${to}, as before` : `${to}, no longer ${from}`}`);
}

/** Says what to do where a server does not let this client, or anybody who is no web page. */
async function explainIfDenied<T>(what: string, how: string, change: Promise<T>): Promise<T> {
  try {
    return await change;
  } catch (error) {
    const rejection = deniedOrUnsupported(error);
    if (rejection === null) throw error;
    throw new Error(
      `the ${what} may not be changed with these credentials (${rejection}): on Temporal Cloud do it in its web page or with tcld, elsewhere ask an administrator: ${how}`,
      { cause: error },
    );
  }
}
