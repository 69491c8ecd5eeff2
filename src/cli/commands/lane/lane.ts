import { InvalidInput, invalid, shown } from '../../../contract/brand.js';
import { releaseLaneId } from '../../../contract/ids.js';
import type { Ledger } from '../../../contract/lane.js';
import type { LaneCommand } from '../../../contract/messages.js';
import { parseSha } from '../../../contract/sha.js';
import { parseMoment } from '../../../domain/moment.js';
import { withClient } from '../../../temporal/connect.js';
import { laneState, sendLaneCommand } from '../../../temporal/lane-client.js';
import {
  BY,
  type Command,
  type Given,
  type Io,
  isWholeNumber,
  OUTPUT,
  REASON,
  REGISTRY,
  TEMPORAL,
  textOption,
  yes,
} from '../../command.js';
import { EXIT } from '../../exit-codes.js';
import { askOf, confirm, identity, laneFrom, reasonOf } from '../../identity.js';
import { printAnswer } from '../../print/answer.js';
import { latestLines } from '../../print/lane.js';

const COMMON_OPTIONS = [REASON, BY, ...OUTPUT];

export const lane: Command = {
  description:
    'Lift what blocks every release, or one build. adopt accepts where :latest is; unhold turns automatic promotion on again after a rollback; drop takes the lane, or its place in the queue, from a release whose run does not answer; unbad clears a known-bad build so that it can be released again; sequence sets the newest sequence after a wrong one; renew lets the lane go on as a new run, on the current version of the workers.',
  options: [
    {
      flags: '--without-copy',
      description:
        'with adopt: give up a copy of the ledger that cannot be read any more; known-bad builds that it alone names are forgotten',
    },
    yes('adopt accepts where :latest is; '),
    ...COMMON_OPTIONS,
  ],
  environment: [...TEMPORAL, `with adopt: ${REGISTRY}`],
  examples: [
    'canary lane adopt --reason "restored by hand, verified"',
    'canary lane unhold --reason "the fix is merged"',
    'canary lane drop 4c1d56e --reason "its task fails"',
    'canary lane unbad 4c1d56e --reason "it was the database"',
    'canary lane renew --reason "the new workers are current"',
    'canary lane sequence 1042 --reason "a release was started with milliseconds"',
  ],
  run: runLane,
};

export const pause: Command = {
  options: [
    {
      flags: '--until <time>',
      description: 'when it ends: the next 08:00Z, or ISO 8601 (default: until canary resume)',
    },
    yes(),
    ...COMMON_OPTIONS,
  ],
  environment: [...TEMPORAL],
  examples: ['canary pause --until 08:00Z --reason "no promotions overnight"'],
  run: runPause,
};

export const resume: Command = {
  options: [yes(), ...COMMON_OPTIONS],
  environment: [...TEMPORAL],
  examples: ['canary resume --reason "the night is over"'],
  run: (given, io) => sendAndPrint('resume', {}, given, io),
};

async function runLane(given: Given, io: Io): Promise<number> {
  const [name = '', sha] = given.args;
  if (given.options.withoutCopy === true && name !== 'adopt')
    throw new InvalidInput(`--without-copy is an option of lane adopt, not of lane ${shown(name)}`);
  if (name === 'sequence') {
    if (!isWholeNumber(sha ?? ''))
      throw invalid(
        'sequence',
        sha,
        `a whole number of at most ${Number.MAX_SAFE_INTEGER}, e.g. canary lane sequence 1042`,
      );
    return sendAndPrint(name, { sequence: Number(sha) }, given, io);
  }
  if (name === 'drop' || name === 'unbad') return sendAndPrint(name, { sha: parseSha(sha) }, given, io);
  if (name !== 'adopt' && name !== 'unhold' && name !== 'renew')
    throw new InvalidInput(
      `invalid lane command ${shown(name)}: expected adopt, unhold, drop, unbad, sequence or renew`,
    );
  if (sha !== undefined) throw new InvalidInput(`lane ${name} takes no sha, got ${shown(sha)}`);
  if (name === 'adopt') return adopt(given, io);
  return name === 'unhold' ? unhold(given, io) : sendAndPrint(name, {}, given, io);
}

/** Lifts the hold that the lane has now: one that comes meanwhile is another one, which the person has not seen. */
async function unhold(given: Given, io: Io): Promise<number> {
  const known = { ...given, options: { ...given.options, reason: await reasonOf(given, io) } };
  identity(given, io);
  const seen = (await ledgerNow(io))?.hold?.since;
  return sendAndPrint('unhold', {}, known, io, seen);
}

/** The ledger as the lane has it now; null if it does not answer: then it decides by what it is sent. */
const ledgerNow = async (io: Io): Promise<Ledger | null> =>
  withClient(io.env, async (client) => (await laneState(client, laneFrom(io)))?.ledger ?? null);

async function runPause(given: Given, io: Io): Promise<number> {
  const until = textOption(given, 'until');
  return sendAndPrint('pause', until === undefined ? {} : { until: parseMoment(until, Date.now()) }, given, io);
}

async function adopt(given: Given, io: Io): Promise<number> {
  const reason = await reasonOf(given, io);
  const before = await ledgerNow(io);
  const { withRegistry } = await import('../../local/with-registry.js');
  const { readLatest } = await import('../../../registry/read-latest.js');
  const { otherTag } = await import('../../local/ledger-copy.js');
  const { latest, lines } = await withRegistry(io, async (registry, config) => {
    const latest = await readLatest(registry, config.images, config.optionalImages, io.signal);
    const doubt = await otherTag(registry, config, io);
    return { latest, lines: [...latestLines(latest, registry.latest), ...(doubt ? [`warning: ${doubt}`] : [])] };
  });
  for (const line of lines) io.err(line);
  const ask = askOf(given, io);
  if (ask && !(await confirm(ask, 'Adopt it?'))) {
    io.err('canary: nothing was adopted');
    return EXIT.refused;
  }
  const { images, sha } = latest;
  return sendAndPrint(
    'adopt',
    { images, ...(sha !== null && { sha }), ...(given.options.withoutCopy === true && { withoutCopy: true }) },
    { ...given, options: { ...given.options, reason } },
    io,
    before ? (before.expectedLatest?.at ?? 0) : undefined,
  );
}

/** @param seen what the command is about, as it was when the person looked: another one is refused. */
async function sendAndPrint(
  name: LaneCommand,
  fields: object,
  given: Given,
  io: Io,
  seen?: string | number,
): Promise<number> {
  const lane = laneFrom(io);
  const command = { by: identity(given, io), reason: await reasonOf(given, io), ...fields };
  const sent = { ...command, ...(seen !== undefined && { seen }) };
  const result = await withClient(io.env, (client) => sendLaneCommand(client, lane, name, sent));
  return printAnswer(result, { lane: releaseLaneId(lane), verb: name, ...command }, given, io);
}
