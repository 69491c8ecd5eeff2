import { InvalidInput, shown } from '../../contract/brand.js';
import { releaseLaneId } from '../../contract/ids.js';
import type { LaneCommand } from '../../contract/messages.js';
import { parseSha } from '../../contract/sha.js';
import { parseMoment } from '../../domain/moment.js';
import { readLatest } from '../../registry/read-latest.js';
import { withClient } from '../../temporal/connect.js';
import { sendLaneCommand } from '../../temporal/lane-client.js';
import { printAnswer } from '../answer.js';
import { type Given, type Io, textOption } from '../command.js';
import { EXIT } from '../exit-codes.js';
import { latestLines } from '../latest-lines.js';
import { withRegistry } from '../local-gate.js';
import { confirm, identity, laneFrom, reasonOf } from '../requester.js';

/** What people say to a lane beside pause and resume. */
export async function lane(given: Given, io: Io): Promise<number> {
  const [verb = '', sha] = given.args;
  if (verb === 'drop' || verb === 'unbad') return sendAndPrint(verb, { sha: parseSha(sha) }, given, io);
  if (verb !== 'adopt' && verb !== 'unhold')
    throw new InvalidInput(`lane verb ${shown(verb)} is none of adopt, unhold, drop and unbad`);
  if (sha !== undefined) throw new InvalidInput(`lane ${verb} takes no sha, and was given ${shown(sha)}`);
  return verb === 'unhold' ? sendAndPrint(verb, {}, given, io) : adopt(given, io);
}

export async function pause(given: Given, io: Io): Promise<number> {
  const until = textOption(given, 'until');
  return sendAndPrint('pause', until === undefined ? {} : { until: parseMoment(until, Date.now()) }, given, io);
}

export const resume = (given: Given, io: Io): Promise<number> => sendAndPrint('resume', {}, given, io);

async function adopt(given: Given, io: Io): Promise<number> {
  const reason = await reasonOf(given, io);
  const latest = await withRegistry(io, (registry, { images }) => readLatest(registry, images, io.signal));
  for (const line of latestLines(latest)) io.err(line);
  if (io.ask && given.options.yes !== true && !(await confirm(io.ask, 'Accept that?'))) {
    io.err('canary: nothing is adopted');
    return EXIT.refused;
  }
  const { images, sha } = latest;
  return sendAndPrint(
    'adopt',
    { images, ...(sha !== null && { sha }) },
    { ...given, options: { ...given.options, reason } },
    io,
  );
}

async function sendAndPrint(verb: LaneCommand, fields: object, given: Given, io: Io): Promise<number> {
  const lane = laneFrom(io);
  const command = { by: identity(given, io), reason: await reasonOf(given, io), ...fields };
  const result = await withClient(io.env, (client) => sendLaneCommand(client, lane, verb, command));
  return printAnswer(result, { lane: releaseLaneId(lane), verb, ...command }, given, io);
}
