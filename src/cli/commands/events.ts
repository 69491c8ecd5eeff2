import type { Client } from '@temporalio/client';
import type { Config } from '../../config/schema.js';
import { InvalidInput, shown } from '../../contract/brand.js';
import type { DeliveredEvent } from '../../contract/events.js';
import { releaseId, rollbackId, watchProductionId } from '../../contract/ids.js';
import { parseSha } from '../../contract/sha.js';
import { cloudEventOf } from '../../notify/cloud-event.js';
import type { Sink } from '../../notify/sink.js';
import { withClient } from '../../temporal/connect.js';
import { eventsOfRun } from '../../temporal/records/events.js';
import { lostIds } from '../../temporal/records/lost-events.js';
import { findRun, isOpen } from '../../temporal/runs.js';
import { type Command, type Given, type Io, TEMPORAL } from '../command.js';
import { EXIT } from '../exit-codes.js';
import { laneFrom } from '../identity.js';

export const events: Command = {
  options: [
    {
      flags: '--replay',
      description: 'send them again',
    },
    {
      flags: '--to <sinks>',
      description:
        'with --replay: where to, commas between: webhook gets all of them (the default), slack and github what they lost',
    },
  ],
  environment: [...TEMPORAL, 'CANARY_IMAGES, and the variables of the sinks, as the worker has them'],
  examples: [
    'canary events 4c1d56e',
    'canary events 4c1d56e --replay',
    'canary events 4c1d56e --replay --to slack,github',
  ],
  run,
};

/** Prints the events of the latest release of a build, and of the rollback to it and the watch over it, as the webhook gets them: a line each. */
async function run(given: Given, io: Io): Promise<number> {
  const lane = laneFrom(io);
  const sha = parseSha(given.args[0]);
  const { registryConfig } = await import('../local/with-registry.js');
  const config = await registryConfig(io);
  const wanted = wantedSinks(given.options);
  const ids = [releaseId, rollbackId, watchProductionId].map((idOf) => idOf(lane, sha));
  return withClient(io.env, async (client) => {
    const runs = (await Promise.all(ids.map((id) => findRun(client, id)))).filter((one) => one !== null);
    if (runs.length === 0) throw new InvalidInput(`no run ${ids.slice(0, 2).join(' or ')} (canary status)`);
    runs.sort((a, b) => a.startTime.getTime() - b.startTime.getTime());
    const { namespace } = client.options;
    const context = { lane, namespace, images: config.images };
    const replays = wanted.length === 0 ? [] : await replaysTo(wanted, client, config, namespace);
    const listed: DeliveredEvent[] = [];
    const over = new Set<string>();
    for (const one of runs) {
      const events = await eventsOfRun(client, { workflowId: one.workflowId, runId: one.runId });
      listed.push(...events);
      // A hold cannot be decided any more once its run has ended.
      if (!isOpen(one)) for (const { id, type } of events) if (type === 'held') over.add(id);
    }
    for (const replay of replays)
      for (const event of listed) if (isWanted(replay, event, over)) await deliverAgain(replay, event);
    for (const event of listed) io.out(JSON.stringify(cloudEventOf(event, context)));
    for (const { sink, sent } of replays)
      io.err(`canary: sent ${sent} ${sent === 1 ? 'event' : 'events'} to ${sink.name}`);
    return EXIT.done;
  });
}

const SINKS = ['webhook', 'slack', 'github'];

/** @throws {InvalidInput} on a name that is no sink's, and on sinks without `--replay`. */
function wantedSinks({ replay, to }: Given['options']): string[] {
  if (replay !== true) {
    if (to !== undefined) throw new InvalidInput('--to needs --replay');
    return [];
  }
  const names = String(to ?? 'webhook')
    .split(',')
    .map((name) => name.trim());
  const unknown = names.find((name) => !SINKS.includes(name));
  if (unknown !== undefined) throw new InvalidInput(`invalid --to ${shown(unknown)}: expected ${SINKS.join(', ')}`);
  return names;
}

interface Replay {
  sink: Sink;
  /** Ids of what it lost; null: it gets all. */
  lost: Set<string> | null;
  /** Number of events that were sent. */
  sent: number;
}

const isWanted = ({ sink, lost }: Replay, event: DeliveredEvent, over: Set<string>) =>
  sink.takes(event) && (lost === null || (lost.has(event.id) && !over.has(event.id)));

async function deliverAgain(replay: Replay, event: DeliveredEvent): Promise<void> {
  await replay.sink.deliver(event);
  replay.sent += 1;
}

/** The sinks, and which events each gets: a webhook tells a repeated event by its id; Slack would show it again, and a hold that is over as one that waits.
 * @throws {InvalidInput} if one of them is not configured. */
async function replaysTo(names: string[], client: Client, config: Config, namespace: string): Promise<Replay[]> {
  // Printing sends nothing, and loads no HTTP client.
  const { configuredSinks } = await import('../../notify/configured.js');
  const sinks = configuredSinks(config, namespace);
  return Promise.all(
    names.map(async (name) => {
      const sink = sinks.find((one) => one.name === name);
      if (!sink) throw new InvalidInput(`--replay --to ${name} needs the variables of ${name}, as the worker has them`);
      return { sink, lost: name === 'webhook' ? null : await lostIds(client, config.lane, name), sent: 0 };
    }),
  );
}
