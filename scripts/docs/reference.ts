import { ALARMS, EVENTS, METRICS } from '../../src/contract/events.js';
import { FAILURE_TYPES } from '../../src/contract/failures.js';
import { HOLDS, type HoldName, holdRow } from '../../src/contract/hold.js';
import * as messages from '../../src/contract/messages.js';
import { MOVE_OUTCOMES, MOVE_REFUSALS } from '../../src/contract/move.js';
import { WATCH_OUTCOMES } from '../../src/contract/production.js';
import { OUTCOMES, RELEASE_PHASES } from '../../src/contract/release.js';
import { SEARCH_ATTRIBUTES } from '../../src/contract/search-attributes.js';

interface Message {
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

const decision = (verb: keyof typeof messages.VERBS): Message[] => {
  const { update, signal, description } = messages.VERBS[verb];
  return [update, signal].map((definition) => ({ definition, workflow: 'CanaryRelease', from: 'people', description }));
};

/** Every message of every workflow. A test compares them with the definitions of src/contract/messages.ts. */
export const MESSAGES: Message[] = [
  ...decision('approve'),
  ...decision('abort'),
  ...decision('retry'),
  {
    definition: messages.statusQuery,
    workflow: 'CanaryRelease, Rollback',
    from: 'anyone',
    description: 'Phase, reason, images, tenants, hold, decisions, and what each decision would do now',
  },
  {
    definition: messages.tenantBuildsSignal,
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
    definition: messages.driftUpdate,
    workflow: 'ReleaseLane',
    from: '`CheckDrift`',
    description: 'What does not agree with the ledger',
  },
  ...command('adopt', 'Accepts `:latest` as it is'),
  ...command('unhold', 'Turns automatic promotion on again'),
  ...command('drop', 'Takes the lane, or its place in the queue, from a release'),
  ...command('unbad', 'Lets a known-bad build be released again'),
  ...command('pause', 'Stops promotions, until a time or until resume'),
  ...command('resume', 'Ends a pause'),
  {
    definition: messages.laneQuery,
    workflow: 'ReleaseLane',
    from: 'anyone',
    description: 'The whole state of the lane',
  },
  {
    definition: messages.standingQuery,
    workflow: 'ReleaseLane',
    from: 'activities: `{"runId"}`',
    description: 'State of one run in the lane',
  },
  {
    definition: messages.ledgerQuery,
    workflow: 'ReleaseLane',
    from: 'anyone',
    description: 'The ledger: history, known-bad builds, hold, pause, expected latest',
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

const ATTRIBUTES: Record<string, string> = {
  CanarySha: 'The sha of the build',
  CanaryPhase: 'The phase; `watching` for `WatchProduction`',
  CanaryOutcome: 'The outcome, or the failure type',
  CanaryWaitingFor: 'The hold',
  CanaryRequestedBy: 'Who asked for it',
  CanaryTenantsRed: 'The tenants with a failed check',
  CanaryPhaseSince: 'When the phase began',
};

const cell = (text: string) => text.replaceAll('|', '\\|');
const table = (head: string[], rows: string[][]) =>
  [head, head.map(() => '---'), ...rows].map((row) => `| ${row.map(cell).join(' | ')} |`).join('\n');
const sentences = (title: string, all: Record<string, string>) =>
  table(
    [title, 'meaning'],
    Object.entries(all).map(([name, text]) => [`\`${name}\``, text]),
  );

function kindOf(name: string): Message[] {
  return MESSAGES.filter(({ definition }) => definition.type === name);
}

const messageTable = (kind: 'signal' | 'update' | 'query') =>
  table(
    ['name', 'workflow', 'from', 'meaning'],
    kindOf(kind).map(({ definition, workflow, from, description }) => [
      `\`${definition.name}\``,
      workflow,
      from,
      description,
    ]),
  );

/** The rows of docs/runbook/holds.md. */
export function holdsTable(page = (name: string) => name): string {
  const link = (name: HoldName) => {
    const { page: file } = holdRow(name);
    return file === 'holds.md' ? '' : ` ([page](${page(file)}))`;
  };
  return table(
    ['hold', 'it means', '`approve`', '`retry`', 'look at'],
    (Object.keys(HOLDS) as HoldName[]).map((name) => {
      const { means, approve, retry, lookAt } = holdRow(name);
      return [`\`${name}\``, means, approve ?? 'does not apply', retry ?? 'does not apply', `${lookAt}${link(name)}`];
    }),
  );
}

/** docs/reference.md: every name that other programs and people use. */
export function referenceMarkdown(): string {
  return `# Reference

Generated by \`npm run docs\` from \`src/contract/\`. These names are public: people use them from the
Temporal UI, the \`temporal\` command and CI.

## Updates
${messageTable('update')}

## Signals
A signal of the same name as an update does the same where only signals can be sent; a refusal is shown in \`status\`.

${messageTable('signal')}

## Queries
${messageTable('query')}

## Phases
${sentences('phase', RELEASE_PHASES)}

## Outcomes
A run that completes has one of these as \`outcome\` of its result.

${sentences('outcome', OUTCOMES)}

\`WatchProduction\`:

${sentences('outcome', WATCH_OUTCOMES)}

## Failure types
${sentences('type', FAILURE_TYPES)}

## Holds
\`abort\` ends the release in every hold. A hold expires after \`CANARY_HOLD_TIMEOUT\` as \`CanaryHoldExpired\`,
never by promoting. \`CanaryWaitingFor\` is \`paused\` while the lane is paused; \`canary resume\` ends that.

${holdsTable((name) => `runbook/${name}`)}

## Move results
What became of one image.

${sentences('result', MOVE_OUTCOMES)}

## Move refusals
The first detail of a \`MoveRefused\` failure has one of these as \`refusal\`.

${sentences('refusal', MOVE_REFUSALS)}

## Search attributes
${table(
  ['name', 'type', 'meaning'],
  SEARCH_ATTRIBUTES.map(({ name, type }) => [`\`${name}\``, type, ATTRIBUTES[name] ?? '']),
)}

## Events
One JSON log line each, with \`event\`, \`workflowId\`, \`sha\`, \`at\` and \`id\` (run id and number of the event in its run).
The line \`latest.moved\` is the audit trail of \`MoveLatest\`: who, why, from and to, for each image.

${sentences('event', EVENTS)}

## Alarms
${sentences('alarm', ALARMS)}

## Metrics
${table(
  ['counter', 'labels', 'meaning'],
  METRICS.map(({ name, labels, meaning }) => [`\`${name}_total\``, labels.join(', '), meaning]),
)}
`;
}
