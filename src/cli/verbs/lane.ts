import { InvalidInput, shown } from '../../contract/brand.js';
import { releaseLaneId } from '../../contract/ids.js';
import { parseSha } from '../../contract/sha.js';
import { parseMoment } from '../../domain/moment.js';
import { readLatest } from '../../registry/read-latest.js';
import { withClient } from '../../temporal/connect.js';
import { sayToLane } from '../../temporal/lane-client.js';
import { tellAnswer } from '../answer.js';
import { type Given, type Io, text } from '../command.js';
import { EXIT } from '../exit-codes.js';
import { latestLines } from '../latest-lines.js';
import { withRegistry } from '../local-gate.js';
import { laneFrom, reasonOf, requester, saysYes } from '../requester.js';

/** What people say to a lane beside pause and resume. */
export async function lane(given: Given, io: Io): Promise<number> {
  const [verb = '', sha] = given.args;
  if (verb === 'drop' || verb === 'unbad') return say(verb, { sha: parseSha(sha) }, given, io);
  if (verb !== 'adopt' && verb !== 'unhold')
    throw new InvalidInput(`lane verb ${shown(verb)} is none of adopt, unhold, drop and unbad`);
  if (sha !== undefined) throw new InvalidInput(`lane ${verb} takes no sha, and was given ${shown(sha)}`);
  return verb === 'unhold' ? say(verb, {}, given, io) : adopt(given, io);
}

export async function pause(given: Given, io: Io): Promise<number> {
  const until = text(given, 'until');
  return say('pause', until === undefined ? {} : { until: parseMoment(until, Date.now()) }, given, io);
}

export const resume = (given: Given, io: Io): Promise<number> => say('resume', {}, given, io);

async function adopt(given: Given, io: Io): Promise<number> {
  const reason = await reasonOf(given, io);
  const latest = await withRegistry(io, (registry, { images }) => readLatest(registry, images, io.signal));
  for (const line of latestLines(latest)) io.err(line);
  if (io.ask && given.options.yes !== true && !(await saysYes(io.ask, 'Accept that?'))) {
    io.err('canary: nothing is adopted');
    return EXIT.refused;
  }
  const { images, sha } = latest;
  return say(
    'adopt',
    { images, ...(sha !== null && { sha }) },
    { ...given, options: { ...given.options, reason } },
    io,
  );
}

async function say(verb: string, more: object, given: Given, io: Io): Promise<number> {
  const lane = laneFrom(io);
  const said = { by: requester(given, io), reason: await reasonOf(given, io), ...more };
  const answered = await withClient(io.env, (client) => sayToLane(client, lane, verb, said));
  return tellAnswer(answered, { lane: releaseLaneId(lane), verb, ...said }, given, io);
}
