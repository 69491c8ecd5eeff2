import type { Client } from '@temporalio/client';
import { readSetting } from '../../config/schema.js';
import { InvalidInput } from '../../contract/brand.js';
import { releaseLaneId } from '../../contract/ids.js';
import { laneCommandSignal } from '../../contract/messages.js';
import { applyCommand } from '../../lane/commands.js';
import { emptyLane } from '../../lane/state.js';
import { type Latest, readLatest } from '../../registry/read-latest.js';
import { RegistryError } from '../../registry/transport/errors.js';
import { laneClient, laneEverRan } from '../../temporal/lane-client.js';
import type { Given, Io } from '../command.js';
import { identity, laneFrom } from '../identity.js';
import { latestLines } from '../print/lane.js';
import { withRegistry } from './with-registry.js';

/**
 * Starts the lane with `:latest` as it is, on the authority of the person who sets up. Once a lane has run, nothing is
 * adopted: an adoption would hide who moved `:latest` since.
 * @returns whether the lane has a `:latest` to go on from. @throws {InvalidInput}, {ConfigError}, and errors of Temporal. */
export async function adoptInitialLatest(client: Client, given: Given, io: Io): Promise<boolean> {
  const lane = laneFrom(io);
  const name = releaseLaneId(lane);
  if (await laneEverRan(client, lane)) {
    io.out(`${name}: exists, nothing is adopted (canary lane adopt accepts where :latest is)`);
    return true;
  }
  const latest = await readInitialLatest(io, name);
  if (latest === null) return false;
  const { images, sha } = latest;
  const command = { by: identity(given, io), reason: 'first day', images, ...(sha !== null && { sha }) };
  // A signal has no answer: a refusal of the lane must be found here.
  const result = applyCommand(emptyLane(), 'adopt', command, Date.now());
  if ('refused' in result) throw new InvalidInput(result.refused);
  await laneClient(client, lane).signal(laneCommandSignal('adopt'), command);
  io.out(`${name}: starts with :latest as it is, adopted by ${command.by}`);
  for (const line of latestLines(latest, readSetting(io.env, 'promoteTag'))) io.out(line);
  return true;
}

/** Null, with the fix on stderr, if the registry cannot be read. */
async function readInitialLatest(io: Io, name: string): Promise<Latest | null> {
  try {
    return await withRegistry(io, (registry, { images, optionalImages }) =>
      readLatest(registry, images, optionalImages, io.signal),
    );
  } catch (error) {
    if (!(error instanceof RegistryError)) throw error;
    io.err(`canary: ${name}: nothing is adopted, so promotions will wait for canary lane adopt: ${error.message}`);
    return null;
  }
}
