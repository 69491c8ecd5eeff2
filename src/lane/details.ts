import { commandOf, type Lane } from '../contract/ids.js';
import type { Holder, KnownBadBuild, LaneHold, LaneState, Ledger, LedgerEntry, Pause } from '../contract/lane.js';
import type { LaneCommand } from '../contract/messages.js';
import { shortSha } from '../contract/sha.js';
import { code, oneLine, prose, section, time } from '../domain/markdown.js';
import { describeRevocation } from './queue.js';
import { LIFTS, laneView } from './view.js';

/** Room for each list, in characters of the URL-encoded text. */
const ROOM = { waiting: 800, moves: 1_800, bad: 1_000 };
/** Longest reason that is shown, in characters. */
const MAX_WHY = 160;
/** Longest name that is shown, in characters. */
const MAX_BY = 40;

/** State of the lane, as Markdown for its page in the Temporal UI. @param now epoch, ms. */
export function laneDetails(state: LaneState, now: number, lane: Lane): string {
  const { holder, queue, rollback, hold, pause, alarms } = laneView(state, now);
  const { history, knownBad } = state.ledger;
  const waiting = queue.map(({ sha, manual }) => `${code(sha)}${manual ? ', promoted by hand' : ''}`);
  return [
    hold ? describeHold(hold) : '',
    pause ? describePause(pause) : '',
    hold || pause ? '' : '**Promotion is automatic**',
    rollback ? `A rollback to ${code(rollback.sha)} is under way` : '',
    holder ? describeHolder(holder) : 'The lane is free',
    section('Queue, in order', waiting, ROOM.waiting),
    section('Commands', commandLines(lane, hold, pause, holder)),
    section('Last moves', history.map(moveLine).reverse(), ROOM.moves),
    section('Known-bad builds', [...rejectedLines(state.ledger), ...knownBad.map(badLine).reverse()], ROOM.bad),
    section(
      'Alarms',
      alarms.map((line) => cut(line, 2 * MAX_WHY)),
    ),
  ]
    .filter((part) => part !== '')
    .join('\n\n');
}

const cut = (text: string, max = MAX_WHY) => prose(oneLine(text, max));
const who = (by: string) => cut(by, MAX_BY);

const describeHold = ({ name, why, by, since }: LaneHold) =>
  `**On hold** for **${name}** since ${time(since)}, by ${who(by)}: ${cut(why)}`;

const describePause = ({ by, why, since, until }: Pause) =>
  `**Paused** since ${time(since)} until ${until ? time(until) : 'canary resume'}, by ${who(by)}: ${cut(why)}`;

function describeHolder({ sha, workflowId, since, heldFor, revocation }: Holder): string {
  const status = revocation
    ? `, revoked: ${cut(describeRevocation(revocation))}`
    : heldFor
      ? `, held for ${cut(heldFor.hold)}`
      : '';
  return `${code(sha)} holds the lane since ${time(since)} (${code(workflowId)})${status}`;
}

/** Commands that apply now: the effect of each, and the JSON to paste into the form of the UI. */
function commandLines(lane: Lane, hold: LaneHold | null, pause: Pause | null, holder: Holder | null): string[] {
  const canary = (text: string) => code(commandOf(lane, text));
  const update = (command: LaneCommand, more = {}) =>
    `Send an Update ${code(command)} with ${code(JSON.stringify({ by: 'your name', reason: 'why', ...more }))}`;
  const lift = hold && LIFTS[hold.name];
  const sha = holder && shortSha(holder.sha);
  return [
    ...(lift ? [`${canary(lift.command)}: ${lift.effect}`] : []),
    ...(hold ? [`${update('unhold')}: promotion is automatic again`] : []),
    ...(pause ? [`${canary('resume --reason …')}, or ${update('resume')}: the pause ends`] : []),
    ...(sha
      ? [
          `${canary(`lane drop ${sha} --reason …`)}, or ${update('drop', { sha })}: takes the lane from a run that does not answer`,
        ]
      : []),
  ];
}

const moveLine = ({ at, kind, sha, by, reason }: LedgerEntry) =>
  `${time(at)} **${kind}** ${sha ? code(sha) : 'of an unknown build'} by ${who(by)}: ${cut(reason)}`;

const rejectedLines = ({ verdicts }: Ledger) =>
  verdicts
    .filter(({ verdict }) => verdict === 'RED')
    .map(({ sha, at, failed }) => `${code(sha)} rejected by canary on ${time(at)}: ${cut(failed.join(', '))}`)
    .reverse();

const badLine = ({ since, sha, by, reason }: KnownBadBuild) =>
  `${code(sha)} since ${time(since)}, by ${who(by)}: ${cut(reason)}`;
