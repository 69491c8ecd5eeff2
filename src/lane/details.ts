import type { BadBuild, Holder, LaneHold, LaneState, LedgerEntry, Pause } from '../contract/lane.js';
import { shortSha } from '../contract/sha.js';
import { code, oneLine, prose, section, time } from '../domain/markdown.js';
import { describeRevocation } from './queue.js';
import { LIFTS, laneView } from './view.js';

/** How much of each list is shown, in characters as a URL carries them. */
const ROOM = { waits: 800, moves: 1_800, bad: 1_000 };
/** Of what people write, in characters. */
const MAX_WHY = 160;
const MAX_BY = 40;

/** Where the lane stands, as Markdown for its page in the Temporal UI. @param now epoch, ms. */
export function laneDetails(state: LaneState, now: number): string {
  const { holder, queue, rollback, hold, pause } = laneView(state, now);
  const { history, knownBad } = state.ledger;
  const waits = queue.map(({ sha, manual }) => `${code(sha)}${manual ? ', promoted by hand' : ''}`);
  return [
    hold ? holdWords(hold) : '',
    pause ? pauseWords(pause) : '',
    hold || pause ? '' : '**Promotion is automatic**',
    rollback ? `A rollback to ${code(rollback.sha)} is under way` : '',
    holder ? holderWords(holder) : 'The lane is free',
    section('Queue, in order', waits, ROOM.waits),
    section('What can be said', sayings(hold, pause, holder)),
    section('Last moves', history.map(moveLine).reverse(), ROOM.moves),
    section('Bad builds', knownBad.map(badLine).reverse(), ROOM.bad),
  ]
    .filter((part) => part !== '')
    .join('\n\n');
}

const cut = (text: string, max = MAX_WHY) => prose(oneLine(text, max));
const who = (by: string) => cut(by, MAX_BY);

const holdWords = ({ name, why, by, since }: LaneHold) =>
  `**On hold** for **${name}** since ${time(since)}, by ${who(by)}: ${cut(why)}`;

const pauseWords = ({ by, why, since, until }: Pause) =>
  `**Paused** since ${time(since)} until ${until ? time(until) : 'canary resume'}, by ${who(by)}: ${cut(why)}`;

function holderWords({ sha, workflowId, since, heldFor, revocation }: Holder): string {
  const stands = revocation
    ? `, gives way: ${cut(describeRevocation(revocation))}`
    : heldFor
      ? `, held for ${heldFor.hold}`
      : '';
  return `${code(sha)} holds the lane since ${time(since)} (${code(workflowId)})${stands}`;
}

/** What each command would do, and what to paste for it into the form of the UI. */
function sayings(hold: LaneHold | null, pause: Pause | null, holder: Holder | null): string[] {
  const update = (verb: string, more = {}) =>
    `Send an Update ${code(verb)} with ${code(JSON.stringify({ by: 'your name', reason: 'why', ...more }))}`;
  const lift = hold && LIFTS[hold.name];
  const sha = holder && shortSha(holder.sha);
  return [
    ...(lift ? [`${code(lift.command)}: ${lift.effect}`] : []),
    ...(hold ? [`${update('unhold')}: automatic promotion is on again`] : []),
    ...(pause ? [`${code('canary resume --reason …')}, or ${update('resume')}: the pause ends`] : []),
    ...(sha
      ? [
          `${code(`canary lane drop ${sha} --reason …`)}, or ${update('drop', { sha })}: takes the lane from a run that does not answer`,
        ]
      : []),
  ];
}

const moveLine = ({ at, kind, sha, by, reason }: LedgerEntry) =>
  `${time(at)} **${kind}** ${sha ? code(sha) : 'of an unnamed build'} by ${who(by)}: ${cut(reason)}`;

const badLine = ({ since, sha, by, reason }: BadBuild) =>
  `${code(sha)} since ${time(since)}, by ${who(by)}: ${cut(reason)}`;
