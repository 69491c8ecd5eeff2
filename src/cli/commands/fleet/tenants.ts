import { InvalidInput, shown } from '../../../contract/brand.js';
import { releaseLaneId } from '../../../contract/ids.js';
import { parseDuration } from '../../../domain/duration.js';
import { parseMoment } from '../../../domain/moment.js';
import { withClient } from '../../../temporal/connect.js';
import { sendLaneCommand } from '../../../temporal/lane-client.js';
import {
  BY,
  type Command,
  type Given,
  type Io,
  OUTPUT,
  REASON,
  TEMPORAL,
  TIMEOUT,
  textOption,
  yes,
} from '../../command.js';
import { identity, laneFrom, reasonOf } from '../../identity.js';
import { printAnswer } from '../../print/answer.js';

/** What can be done with the canary tenants; each but `list` needs the name of one. */
const VERBS = ['list', 'show', 'check', 'add', 'quarantine', 'unquarantine', 'remove'] as const;

export const tenants: Command = {
  description:
    'The canary tenants. list and show: the build that each runs now, and what the last releases saw of it. check runs the smoke suite on one. quarantine sets one aside: releases, also the one that runs, go on without it and say so, while at least CANARY_MIN_TENANTS are left. add has the control plane make one, tests it, and puts it into the fleet file; repeated after a fault, it goes on where it stopped. remove takes one out of the fleet file.',
  options: [
    {
      flags: '--until <time>',
      description:
        'with quarantine: when it ends, at most in 30 days: 48h, the next 08:00Z, or ISO 8601 (default: 24h)',
    },
    { flags: '--releases <number>', description: 'with list and show: how many releases to look at (default: 10)' },
    {
      flags: '--recreate',
      description:
        'with add: delete an instance outside of the canary account, or one that failed, with all its data; asks for the slug',
    },
    { flags: '--confirm <slug>', description: 'with --recreate: the slug, where no terminal can ask for it' },
    { flags: '--no-wait', description: 'with add: return once it has started' },
    TIMEOUT,
    yes(),
    REASON,
    BY,
    ...OUTPUT,
  ],
  environment: [
    ...TEMPORAL,
    "the worker's fleet: CANARY_FLEET_FILE, CANARY_FLEET_URL, ... (unquarantine needs none; quarantine compares the name with it)",
  ],
  examples: [
    'canary tenants',
    'canary tenants show canary-2 -o json',
    'canary tenants check canary-2',
    'canary tenants add canary-3',
    'canary tenants quarantine canary-2 --until 48h --reason "its disk is full"',
    'canary tenants unquarantine canary-2 --reason "it has a new disk"',
  ],
  run,
};

async function run(given: Given, io: Io): Promise<number> {
  const [verb = 'list', name, ...more] = given.args;
  const known = VERBS.find((one) => one === verb);
  if (known === undefined) throw new InvalidInput(`invalid command ${shown(verb)}: expected ${VERBS.join(', ')}`);
  if (more.length > 0 || (known === 'list' && name !== undefined))
    throw new InvalidInput(`tenants ${known} takes ${known === 'list' ? 'no tenant' : 'one tenant'}`);
  if (known !== 'list' && name === undefined)
    throw new InvalidInput(`tenants ${known} needs the name of a tenant: canary tenants list shows them`);
  if (known !== 'quarantine' && textOption(given, 'until') !== undefined)
    throw new InvalidInput('--until is only for quarantine');
  const ofAdd = ['recreate', 'confirm'].find((name) => given.options[name] !== undefined);
  if (known !== 'add' && ofAdd !== undefined) throw new InvalidInput(`--${ofAdd} is only for add`);
  if (known === 'add') return (await import('./add.js')).addTenant(name ?? '', given, io);
  if (known === 'unquarantine') return send(known, { tenant: name }, given, io);
  const members = await import('./members.js');
  if (known === 'quarantine') {
    const until = untilOf(given);
    await members.requireMember(name ?? '', io);
    return send(known, { tenant: name, until }, given, io);
  }
  if (known === 'check') return members.checkTenant(name ?? '', given, io);
  if (known === 'remove') return members.removeTenant(name ?? '', given, io);
  return members.showTenants(name ?? null, given, io);
}

/** When a quarantine ends, ISO 8601. */
function untilOf(given: Given): string {
  const text = textOption(given, 'until') ?? '24h';
  const now = Date.now();
  return /^\d+(?:ms|s|m|h|d)$/.test(text) ? new Date(now + parseDuration(text)).toISOString() : parseMoment(text, now);
}

async function send(verb: 'quarantine' | 'unquarantine', fields: object, given: Given, io: Io): Promise<number> {
  const lane = laneFrom(io);
  const command = { by: identity(given, io), reason: await reasonOf(given, io), ...fields };
  const result = await withClient(io.env, (client) => sendLaneCommand(client, lane, verb, command));
  return printAnswer(result, { lane: releaseLaneId(lane), verb, ...command }, given, io);
}
