import type { Client } from '@temporalio/client';
import { checkDriftId } from '../../contract/ids.js';
import { SEARCH_ATTRIBUTES } from '../../contract/search-attributes.js';
import { formatDuration } from '../../domain/duration.js';
import { notForUs, withClient } from '../../temporal/connect.js';
import {
  changeRetention,
  parseRetention,
  registerSearchAttributes,
  scheduleDriftCheck,
} from '../../temporal/namespace.js';
import { type Given, type Io, text } from '../command.js';
import { EXIT } from '../exit-codes.js';
import { laneFrom } from '../requester.js';
import { adoptOnFirstDay } from './first-day.js';

export function setup(given: Given, io: Io): Promise<number> {
  const retention = text(given, 'retention');
  const keepMs = retention === undefined ? null : parseRetention(retention);
  return withClient(io.env, async (client) => {
    const { namespace } = client.options;
    const added = await allowed(
      `search attributes of ${namespace}`,
      SEARCH_ATTRIBUTES.map(({ name, type }) => `${name} as ${type}`).join(', '),
      registerSearchAttributes(client.connection, namespace, SEARCH_ATTRIBUTES),
    );
    io.out(
      added.length === 0
        ? `${namespace}: all search attributes were there`
        : `${namespace}: registered ${added.join(', ')}`,
    );
    if (keepMs !== null) await keepFor(keepMs, client, io);
    await scheduleDrift(client, io);
    await adoptOnFirstDay(client, given, io);
    return EXIT.done;
  });
}

/** A gate works without: a server that refuses it does not stop the rest. */
async function scheduleDrift(client: Client, io: Io): Promise<void> {
  const lane = laneFrom(io);
  const name = `schedule ${checkDriftId(lane)}`;
  try {
    const wasThere = await scheduleDriftCheck(client, lane);
    io.out(`${name}: every 5m, ${wasThere ? 'as before' : 'from now on'}`);
  } catch (error) {
    const refused = notForUs(error);
    if (refused === null) throw error;
    io.out(`${name}: refused (${refused}); without it nobody notices when :latest or a rollback target goes away`);
  }
}

async function keepFor(keepMs: number, client: Client, io: Io): Promise<void> {
  const { namespace } = client.options;
  const to = formatDuration(keepMs);
  const from = formatDuration(
    await allowed(
      `retention of ${namespace}`,
      `temporal operator namespace update --namespace ${namespace} --retention ${to}`,
      changeRetention(client, keepMs),
    ),
  );
  io.out(`${namespace}: ended runs are kept for ${from === to ? `${to}, as before` : `${to}, no longer ${from}`}`);
}

/** Says what to do where a server does not let this client, or anybody who is no web page. */
async function allowed<T>(what: string, how: string, change: Promise<T>): Promise<T> {
  try {
    return await change;
  } catch (error) {
    const refused = notForUs(error);
    if (refused === null) throw error;
    throw new Error(
      `the ${what} may not be changed with these credentials (${refused}): on Temporal Cloud do it in its web page or with tcld, elsewhere ask an administrator: ${how}`,
      { cause: error },
    );
  }
}
