import type { Client } from '@temporalio/client';
import { InvalidInput } from '../../contract/brand.js';
import { releaseLaneId } from '../../contract/ids.js';
import { laneCommandSignal } from '../../contract/messages.js';
import { applyCommand } from '../../lane/commands.js';
import { emptyLane } from '../../lane/state.js';
import { type Latest, readLatest } from '../../registry/read-latest.js';
import { RegistryError } from '../../registry/transport/errors.js';
import { laneClient, laneEverRan } from '../../temporal/lane-client.js';
import type { Given, Io } from '../command.js';
import { latestLines } from '../latest-lines.js';
import { withRegistry } from '../local-gate.js';
import { identity, laneFrom } from '../requester.js';

/**
 * Before there was a lane, `:latest` is where people left it: the lane begins with that, on the word of whoever sets up. Later on it
 * would hide who moved it, so nothing is adopted then.
 * @throws {InvalidInput}, {ConfigError}, and what Temporal says. */
export async function adoptInitialLatest(client: Client, given: Given, io: Io): Promise<void> {
  const lane = laneFrom(io);
  const name = releaseLaneId(lane);
  if (await laneEverRan(client, lane)) {
    io.out(`${name}: is there already, nothing is adopted (canary lane adopt accepts where :latest stands)`);
    return;
  }
  const latest = await readInitialLatest(io, name);
  if (latest === null) return;
  const { images, sha } = latest;
  const command = { by: identity(given, io), reason: 'first day', images, ...(sha !== null && { sha }) };
  // Nobody answers a signal: what the lane would refuse has to be told here.
  const result = applyCommand(emptyLane(), 'adopt', command, Date.now());
  if ('refused' in result) throw new InvalidInput(result.refused);
  await laneClient(client, lane).signal(laneCommandSignal('adopt'), command);
  io.out(`${name}: begins with :latest as it stands, on the word of ${command.by}`);
  for (const line of latestLines(latest)) io.out(line);
}

/** Null, saying what to do, where the registry does not tell. */
async function readInitialLatest(io: Io, name: string): Promise<Latest | null> {
  try {
    return await withRegistry(io, (registry, { images }) => readLatest(registry, images, io.signal));
  } catch (error) {
    if (!(error instanceof RegistryError)) throw error;
    io.err(`canary: ${name}: nothing is adopted, so promotions will wait for canary lane adopt: ${error.message}`);
    return null;
  }
}
