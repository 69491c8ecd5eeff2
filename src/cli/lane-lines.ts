import type { LaneHold, Left, Pause } from '../contract/lane.js';
import { rounded } from '../domain/duration.js';
import { oneLine, time } from '../domain/markdown.js';
import { badWords } from '../lane/queue.js';
import { type History, LIFTS, type Target } from '../lane/view.js';
import type { HolderNow, LaneNow } from '../temporal/lane-view.js';

type Queue = Omit<LaneNow, 'live' | 'back'>;

/** Worst first. */
export function queueLines(lane: Queue, now: number): string[] {
  return [...troubleLines(lane, now), ...turnLines(lane, now)];
}

/** What keeps builds from being tested, or promoted by themselves, and what lifts it. */
export function troubleLines({ holder, hold, pause, missing }: Queue, now: number): string[] {
  return [
    ...(holder?.stuck ? stuckLines(holder) : []),
    ...(hold ? holdLines(hold, now) : []),
    ...(pause ? pauseLines(pause, now) : []),
    ...missing.map((line) => `GONE     ${oneLine(line)}`),
  ];
}

function stuckLines({ sha, workflowId }: HolderNow): string[] {
  return [
    `STUCK    ${workflowId} has the turn, and its workflow task fails again and again`,
    `         canary lane drop ${sha} --reason …   the next one goes on`,
  ];
}

/** Who has the turn and how far it is, and who waits. */
export function turnLines({ holder, queue, rollback, hold, pause }: Queue, now: number): string[] {
  return [
    ...(rollback ? [`rollback to ${rollback.sha} is under way`] : []),
    holder ? `${holderWords(holder, now)}${hold || pause ? '' : earliest(holder)}` : 'turn     free',
    ...queue.map(waitingLine),
  ];
}

function holderWords({ sha, since, phase, ...asked }: HolderNow, now: number): string {
  return `turn     ${sha} since ${time(since)} (${ago(since, now)})${word(asked)}: ${phase ?? 'does not answer'}`;
}

const earliest = ({ phase, until }: HolderNow) =>
  phase === 'soaking' && until !== null ? `, moves :latest at ${time(until)} at the earliest` : '';

function waitingLine({ sha, sequence, ...asked }: LaneNow['queue'][number], index: number): string {
  return `waits    ${index + 1}. ${sha}${sequence > 0 ? `, sequence ${sequence}` : ''}${word(asked)}`;
}

const word = ({ byWord }: { byWord?: boolean }) => (byWord ? ', on the word of a human' : '');

function holdLines({ name, why, by, since }: LaneHold, now: number): string[] {
  const { command, effect } = LIFTS[name];
  return [
    `HELD     automatic promotion: ${name}, by ${oneLine(by)} ${ago(since, now)} ago: ${oneLine(why)}`,
    `         ${command}   ${effect}`,
  ];
}

function pauseLines({ by, why, since, until }: Pause, now: number): string[] {
  return [
    `PAUSED   by ${oneLine(by)} ${ago(since, now)} ago, until ${until ? time(until) : 'somebody resumes'}: ${oneLine(why)}`,
    '         canary resume --reason …',
  ];
}

export function historyLines({ moves, bad }: History): string[] {
  const told = [
    ...moves.map(({ at, kind, sha, images, by, reason }) =>
      [time(at), kind.padEnd(9), sha ?? 'unknown', images.map(imageWords).join(' '), said(by, reason)].join('  '),
    ),
    ...bad.map(({ since, sha, digests, by, reason }) =>
      [time(since), 'bad'.padEnd(9), sha, digests.map(short).join(' '), said(by, reason)].join('  '),
    ),
  ];
  return told.length > 0 ? told : ['the ledger is empty: nothing was promoted yet'];
}

/** Where a rollback may go; what is taken unless somebody says otherwise has an arrow. */
export function targetLines(targets: Target[], taken: string | null): string[] {
  return targets.map(({ sha, at, kind, by, isLive, bad }) => {
    const head = [sha === taken ? '->' : '  ', time(at), kind.padEnd(9), sha, `by ${oneLine(by)}`].join('  ');
    return `${head}${isLive ? '  LIVE' : ''}${bad ? `  BAD: ${oneLine(badWords(bad))}` : ''}`;
  });
}

const said = (by: string, reason: string) => `by ${oneLine(by)}: ${oneLine(reason)}`;
const imageWords = ({ repository, digest }: Left) => `${repository.split('/').at(-1)}@${short(digest)}`;
/** As Docker shortens it. */
const short = (digest: string | null) => digest?.slice('sha256:'.length).slice(0, 12) ?? 'nothing';

export const ago = (since: string | null, now: number) => (since === null ? '?' : rounded(now - Date.parse(since)));
