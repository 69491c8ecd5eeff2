import type { Client } from '@temporalio/client';
import type { Config } from '../../config/schema.js';
import { InvalidInput, shown } from '../../contract/brand.js';
import type { DeliveredEvent } from '../../contract/events.js';
import { type Lane, releaseId, rollbackId, watchProductionId } from '../../contract/ids.js';
import { parseSha, type Sha } from '../../contract/sha.js';
import { cloudEventOf } from '../../notify/cloud-event.js';
import type { Sink, SinkError } from '../../notify/sink.js';
import { withClient } from '../../temporal/connect.js';
import { type LostDelivery, lostDeliveries, nameOf, noteReplayed } from '../../temporal/deliveries/lost-events.js';
import { eventsOfRun } from '../../temporal/records/events.js';
import { findRun } from '../../temporal/runs.js';
import { type Command, type Given, type Io, TEMPORAL } from '../command.js';
import { EXIT } from '../exit-codes.js';
import { laneFrom } from '../identity.js';

export const events: Command = {
  description:
    'Print the events of a build as CloudEvents, from the record. With --replay --to: send sinks what they did not get, once, and print that; without a sha, what they did not get in the last day.',
  options: [
    {
      flags: '--replay',
      description: 'send them again: all events of the build to the webhook, or with --to what was lost',
    },
    {
      flags: '--to <sinks>',
      description: 'with --replay: sinks that get what they lost, commas between: webhook, slack, github',
    },
  ],
  environment: [...TEMPORAL, 'CANARY_IMAGES, and the variables of the sinks, as the worker has them'],
  examples: [
    'canary events 4c1d56e',
    'canary events 4c1d56e --replay',
    'canary events --replay --to slack',
    'canary events 4c1d56e --replay --to slack,github',
  ],
  run,
};

/** Prints the events of a build, as the webhook gets them, or what is sent again: a line each. */
async function run(given: Given, io: Io): Promise<number> {
  const lane = laneFrom(io);
  const { replay, to } = given.options;
  if (replay !== true && to !== undefined) throw new InvalidInput('--to needs --replay');
  const sha = given.args[0] === undefined ? null : parseSha(given.args[0]);
  if (sha === null && to === undefined)
    throw new InvalidInput('sha is missing: only canary events --replay --to <sinks> works without one');
  const names = to === undefined ? ['webhook'] : sinksIn(String(to));
  const { registryConfig } = await import('../local/with-registry.js');
  const config = await registryConfig(io);
  return withClient(io.env, async (client) => {
    const { namespace } = client.options;
    const print = (event: DeliveredEvent) =>
      io.out(JSON.stringify(cloudEventOf(event, { lane, namespace, images: config.images })));
    const sinks = replay === true ? await configured(names, config, namespace) : [];
    const listed = to === undefined && sha !== null ? await eventsOfBuild(client, lane, sha) : null;
    const lost = sinks.length === 0 ? [] : await lostDeliveries(client, lane, sha);
    const note = async (one: LostDelivery | undefined) => one && noteReplayed(client, lane, one);
    let isWhole = true;
    for (const sink of sinks) {
      const own = lost.filter((one) => one.sink === sink.name);
      const parts = listed ? listedParts(sink, listed, own) : own.map((one) => lostPart(sink, one));
      isWhole = (await send(io, sink, parts, { note, ...(listed === null && { print }) })) && isWhole;
    }
    for (const event of listed ?? []) print(event);
    return isWhole ? EXIT.done : EXIT.fault;
  });
}

/** Events of the latest release of a build, of the rollback to it and of the watch over it, in order.
 * @throws {InvalidInput} if there is no such run. */
async function eventsOfBuild(client: Client, lane: Lane, sha: Sha): Promise<DeliveredEvent[]> {
  const ids = [releaseId, rollbackId, watchProductionId].map((idOf) => idOf(lane, sha));
  const runs = (await Promise.all(ids.map((id) => findRun(client, id)))).filter((one) => one !== null);
  if (runs.length === 0) throw new InvalidInput(`no run ${ids.slice(0, 2).join(' or ')} (canary status)`);
  runs.sort((a, b) => a.startTime.getTime() - b.startTime.getTime());
  const listed: DeliveredEvent[] = [];
  for (const { workflowId, runId } of runs) listed.push(...(await eventsOfRun(client, { workflowId, runId })));
  return listed;
}

/** An event that is to be sent. */
interface Part {
  event: DeliveredEvent;
  later?: DeliveredEvent[];
  /** Whether it is left out: it is no longer true, or the sink has no use for it. */
  isOver: boolean;
  /** What is noted once it needs no other replay. */
  lost: LostDelivery | undefined;
}

/** A webhook is a feed of what happened. People and GitHub are told what is so. */
const lostPart = (sink: Sink, lost: LostDelivery): Part => ({
  ...lost,
  isOver: (sink.name !== 'webhook' && lost.isOvertaken) || !sink.takes(lost.event, lost.later),
  lost,
});

const listedParts = (sink: Sink, listed: DeliveredEvent[], lost: LostDelivery[]): Part[] =>
  listed
    .filter((event) => sink.takes(event))
    .map((event) => ({ event, isOver: false, lost: lost.find((one) => one.event.id === event.id) }));

interface Told {
  note(lost: LostDelivery | undefined): Promise<void>;
  print?(event: DeliveredEvent): void;
}

/**
 * Sends events to a sink, in order, and notes each. One that the sink refuses for good, or for want of a right, is named, and holds up none
 * behind it. If it is for good, it is noted once the sink has taken another one: at a wrong address all may be refused. Any other failure ends
 * it, and the next replay begins there.
 * @returns whether the sink took all.
 */
async function send(io: Io, sink: Sink, parts: Part[], { note, print }: Told): Promise<boolean> {
  const refused: Part[] = [];
  let [sent, over, isWhole] = [0, 0, true];
  try {
    for (const part of parts) {
      const error = part.isOver ? null : await failureOf(sink, part);
      if (error !== null) {
        io.err(`canary: ${nameOf(part.event)} was not taken: ${error.message}`);
        isWhole = false;
        if (!error.isFinal && !error.isDenied) break;
        if (error.isFinal) refused.push(part);
        continue;
      }
      if (part.isOver) over += 1;
      else {
        sent += 1;
        print?.(part.event);
      }
      await note(part.lost);
    }
    if (sent > 0) for (const { lost } of refused) await note(lost);
  } finally {
    const left = over === 0 ? '' : `, left out ${over} that ${over === 1 ? 'is' : 'are'} over`;
    io.err(`canary: sent ${counted(sent)} to ${sink.name}${left}`);
  }
  return isWhole;
}

/** Why a sink does not take an event; null if it does. */
const failureOf = (
  sink: Sink,
  { event, later }: Part,
): Promise<(Error & Partial<Pick<SinkError, 'isFinal' | 'isDenied'>>) | null> =>
  sink.deliver(event, null, later).then(
    () => null,
    (error: Error) => error,
  );

const counted = (number: number) => `${number} ${number === 1 ? 'event' : 'events'}`;

const SINKS = ['webhook', 'slack', 'github'];

/** @throws {InvalidInput} on a name that is no sink's. */
function sinksIn(text: string): string[] {
  const names = text.split(',').map((name) => name.trim());
  const unknown = names.find((name) => !SINKS.includes(name));
  if (unknown !== undefined) throw new InvalidInput(`invalid --to ${shown(unknown)}: expected ${SINKS.join(', ')}`);
  return [...new Set(names)];
}

/** The sinks of these names.
 * @throws {InvalidInput} if one of them is not configured. */
async function configured(names: string[], config: Config, namespace: string): Promise<Sink[]> {
  // Printing sends nothing, and loads no HTTP client.
  const { configuredSinks } = await import('../../notify/configured.js');
  const sinks = configuredSinks(config, namespace);
  return names.map((name) => {
    const sink = sinks.find((one) => one.name === name);
    if (!sink) throw new InvalidInput(`--replay --to ${name} needs the variables of ${name}, as the worker has them`);
    return sink;
  });
}
