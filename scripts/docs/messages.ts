import * as messages from '../../src/contract/messages.js';

export interface Message {
  definition: { type: 'signal' | 'update' | 'query'; name: string };
  workflow: string;
  from: string;
  description: string;
}

const command = (name: messages.LaneCommand, description: string): Message[] =>
  [messages.laneCommandUpdate(name), messages.laneCommandSignal(name)].map((definition) => ({
    definition,
    workflow: 'ReleaseLane',
    from: 'people: `{"by","reason",…}`',
    description,
  }));

const decision = (verb: keyof typeof messages.DECISIONS): Message[] => {
  const { update, signal, description } = messages.DECISIONS[verb];
  const workflow = verb === 'abort' ? 'CanaryRelease, Rollback' : 'CanaryRelease';
  return [update, signal].map((definition) => ({ definition, workflow, from: 'people', description }));
};

/** Every message of every workflow. A test compares them with the definitions of src/contract/messages.ts. */
export const MESSAGES: Message[] = [
  ...decision('approve'),
  ...decision('abort'),
  ...decision('retry'),
  {
    definition: messages.forceUpdate,
    workflow: 'Rollback',
    from: 'people: `{"by","reason"}`',
    description: 'Makes it a forced rollback, as long as nothing moves',
  },
  {
    definition: messages.statusQuery,
    workflow: 'CanaryRelease, Rollback',
    from: 'anyone',
    description: 'Phase, reason, images, tenants, hold, decisions, and what each decision would do now',
  },
  {
    definition: messages.addTenantQuery,
    workflow: 'AddCanaryTenant',
    from: 'anyone',
    description: 'Phase, reason, address and build of the tenant; at the end its outcome and the command that goes on',
  },
  {
    definition: messages.fleetSeenSignal,
    workflow: 'CanaryRelease',
    from: 'its own activity',
    description: 'What the canary tenants report while it waits',
  },
  {
    definition: messages.laneRevokedSignal,
    workflow: 'CanaryRelease',
    from: 'the lane',
    description: 'The release no longer holds the lane, and why',
  },
  {
    definition: messages.joinQueueSignal,
    workflow: 'ReleaseLane',
    from: 'a release',
    description: 'Asks for the lane; once per run id',
  },
  {
    definition: messages.holderStatusSignal,
    workflow: 'ReleaseLane',
    from: 'the holder',
    description: 'What it is held for, and from when on a newer build may preempt it',
  },
  {
    definition: messages.authorizeMoveUpdate,
    workflow: 'ReleaseLane',
    from: 'a mover',
    description: 'Grants or renews a write lease, or refuses it with a reason',
  },
  {
    definition: messages.reportMoveUpdate,
    workflow: 'ReleaseLane',
    from: 'a mover',
    description: 'What became of its images; goes into the ledger',
  },
  {
    definition: messages.beginRollbackUpdate,
    workflow: 'ReleaseLane',
    from: 'a rollback',
    description: 'Marks known-bad builds, holds the lane, revokes the holder and the write lease',
  },
  {
    definition: messages.beginRollbackSignal,
    workflow: 'ReleaseLane',
    from: 'a rollback',
    description: 'The same, for a lane that did not answer: it reads it when it is back',
  },
  {
    definition: messages.reportMoveSignal,
    workflow: 'ReleaseLane',
    from: 'a mover',
    description: 'How a move ended, for a lane that did not answer',
  },
  {
    definition: messages.driftUpdate,
    workflow: 'ReleaseLane',
    from: '`CheckDrift`',
    description: 'What does not agree with the ledger',
  },
  ...command('adopt', 'Accepts `:latest` as it is'),
  ...command('unhold', 'Turns automatic promotion on again'),
  ...command('drop', 'Takes the lane, or its place in the queue, from a release'),
  ...command('unbad', 'Lets a known-bad build be released again'),
  ...command('sequence', 'Sets the newest sequence, after a wrong one'),
  ...command('pause', 'Stops promotions, until a time or until resume'),
  ...command('resume', 'Ends a pause'),
  ...command('quarantine', 'Sets a canary tenant aside until a time'),
  ...command('unquarantine', 'Ends the quarantine of a tenant'),
  ...command('renew', 'Continues as a new run, on the current version of the workers if they have versions'),
  {
    definition: messages.deliverEventSignal,
    workflow: 'DeliverEvents',
    from: 'the activity `publish`',
    description: 'An event, and the sinks that take it; once per id',
  },
  {
    definition: messages.productionQuery,
    workflow: 'WatchProduction',
    from: 'anyone',
    description: 'How production takes the build',
  },
  {
    definition: messages.productionTenantsSignal,
    workflow: 'WatchProduction',
    from: 'its own activity',
    description: 'What was last seen of every production tenant',
  },
];
