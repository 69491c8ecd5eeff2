import type { Tag } from '../../contract/image.js';
import type { LaneHold, Pause } from '../../contract/lane.js';
import type { TagState } from '../../contract/move.js';
import type { Quarantine } from '../../contract/tenants/quarantine.js';
import { rounded } from '../../domain/duration.js';
import { oneLine, time } from '../../domain/markdown.js';
import { type History, LIFTS, type Target } from '../../lane/view.js';
import type { Latest } from '../../registry/read-latest.js';
import { LANE_UNAVAILABLE } from '../../temporal/lane-client.js';
import type { HolderNow, LaneNow } from '../../temporal/lane-view.js';
import type { Trouble } from '../../temporal/records/trouble.js';

/** Longest alarm, in characters: its fix is at its end. */
const MAX_ALARM = 1_000;
/** Longest trouble or fix, in characters. */
const MAX_TROUBLE = 1_000;

type QueueView = Omit<LaneNow, 'live' | 'back'>;

/** `canary queue`, worst first. */
export function queueLines(lane: QueueView, now: number): string[] {
  const { holder } = lane;
  return [...(holder?.stuck ? troubleLines(holder.stuck) : []), ...alertLines(lane, now), ...holderLines(lane, now)];
}

/** An open run that does not go on, and what a person does about it. */
export const troubleLines = ({ workflowId, what, fix, otherwise }: Trouble): string[] => [
  `STOPPED  ${workflowId} ${oneLine(what, MAX_TROUBLE)}`,
  `         ${oneLine(fix, MAX_TROUBLE)}`,
  ...(otherwise === undefined ? [] : [`         if that does not help: ${oneLine(otherwise)}`]),
];

/** What stops tests or automatic promotion, with the command that lifts it. */
export function alertLines(
  { hold, pause, quarantines, missing, left, alarms, unserved }: QueueView,
  now: number,
): string[] {
  return [
    ...(unserved ? [`LANE     ${LANE_UNAVAILABLE.silent}`] : []),
    ...alarms.map((line) => `ALARM    ${oneLine(line, MAX_ALARM)}`),
    ...(hold ? holdLines(hold, now) : []),
    ...(pause ? pauseLines(pause, now) : []),
    ...quarantines.flatMap((one) => quarantineLines(one, now)),
    ...missing.map((line) => `GONE     ${oneLine(line)}`),
    ...left.map((line) => `LEFT     ${oneLine(line, MAX_ALARM)}`),
  ];
}

/** The holder of the lane, its phase, and the queue. */
export function holderLines({ holder, queue, rollback, hold, pause }: QueueView, now: number): string[] {
  return [
    ...(rollback ? [`rollback to ${rollback.sha} is running`] : []),
    holder ? `${holderText(holder, now)}${hold || pause ? '' : earliestMoveText(holder)}` : 'holder   none',
    ...queue.map(waitingLine),
  ];
}

function holderText({ sha, since, phase, ...request }: HolderNow, now: number): string {
  return `holder   ${sha} since ${time(since)} (${ago(since, now)})${manualText(request)}: ${phase ?? 'does not answer'}`;
}

const earliestMoveText = ({ phase, until }: HolderNow) =>
  phase === 'soaking' && until !== null ? `, moves :latest at ${time(until)} at the earliest` : '';

function waitingLine({ sha, sequence, ...request }: LaneNow['queue'][number], index: number): string {
  return `queued   ${index + 1}. ${sha}${sequence > 0 ? `, sequence ${sequence}` : ''}${manualText(request)}`;
}

const manualText = ({ manual }: { manual?: boolean }) => (manual ? ', promoted by hand' : '');

function holdLines({ name, why, by, since }: LaneHold, now: number): string[] {
  const { command, effect } = LIFTS[name];
  return [
    `HELD     automatic promotion: ${name}, by ${oneLine(by)} ${ago(since, now)} ago: ${oneLine(why)}`,
    `         canary ${command}   ${effect}`,
  ];
}

function pauseLines({ by, why, since, until }: Pause, now: number): string[] {
  return [
    `PAUSED   by ${oneLine(by)} ${ago(since, now)} ago, until ${until ? time(until) : 'canary resume'}: ${oneLine(why)}`,
    '         canary resume --reason …',
  ];
}

function quarantineLines({ tenant, by, why, since, until }: Quarantine, now: number): string[] {
  return [
    `ASIDE    ${tenant} in quarantine by ${oneLine(by)} ${ago(since, now)} ago, until ${time(until)}: ${oneLine(why)}`,
    `         canary tenants unquarantine ${tenant} --reason …   the next release tests it again`,
  ];
}

export function historyLines({ moves, bad, rejected }: History): string[] {
  const lines = [
    ...moves.map(({ at, kind, sha, images, by, reason }) =>
      [time(at), kind.padEnd(9), sha ?? 'unknown', images.map(imageText).join(' '), byAndReason(by, reason)].join('  '),
    ),
    ...bad.map(({ since, sha, digests, by, reason }) =>
      [time(since), 'bad'.padEnd(9), sha, digests.map(shortDigest).join(' '), byAndReason(by, reason)].join('  '),
    ),
    ...rejected.map(({ at, sha, runId, failed }) =>
      [time(at), 'rejected'.padEnd(9), sha, `by canary, run ${runId}: ${oneLine(failed.join(', '))}`].join('  '),
    ),
  ];
  return lines.length > 0 ? lines : ['the ledger is empty: nothing was promoted yet'];
}

/** The targets of a rollback; the default has an arrow. */
export function targetLines(targets: Target[], defaultSha: string | null): string[] {
  return targets.map(({ sha, at, kind, by, isLive, bad }) => {
    const head = [sha === defaultSha ? '->' : '  ', time(at), kind.padEnd(9), sha, `by ${oneLine(by)}`].join('  ');
    return `${head}${isLive ? '  LIVE' : ''}${bad ? `  BAD: ${oneLine(bad)}` : ''}`;
  });
}

/** Where `:latest` is, before it is adopted. */
export const latestLines = ({ images, sha, why }: Latest, tag: Tag): string[] => [
  ...images.map(({ repository, digest }) => `  ${repository}:${tag} ${digest ?? 'does not exist'}`),
  `  ${sha === null ? 'the images report different builds, or none' : `built from ${sha}`}`,
  ...(why === null ? [] : [`  ${why}`]),
];

const byAndReason = (by: string, reason: string) => `by ${oneLine(by)}: ${oneLine(reason)}`;
const imageText = ({ repository, digest }: TagState) => `${repository.split('/').at(-1)}@${shortDigest(digest)}`;
/** The first 12 digits, as Docker prints it. */
const shortDigest = (digest: string | null) => digest?.slice('sha256:'.length).slice(0, 12) ?? 'nothing';

/** How long ago it was, rounded; `since` is ISO 8601, `now` epoch ms. */
export const ago = (since: string | null, now: number) => (since === null ? '?' : rounded(now - Date.parse(since)));
