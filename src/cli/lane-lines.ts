import { rounded } from '../domain/duration.js';
import { type History, type LanePicture, LIFTS } from '../domain/lane/picture.js';
import type { LaneHold, Left, Pause } from '../domain/lane/state.js';
import { oneLine } from '../domain/markdown.js';

/** Who has the turn and how far it is, who waits, and what is on. */
type Queue = Pick<LanePicture, 'queue' | 'rollback' | 'hold' | 'pause'> & {
  holder: (NonNullable<LanePicture['holder']> & { phase: string | null }) | null;
};

export function queueLines({ holder, queue, rollback, hold, pause }: Queue, now: number): string[] {
  return [
    ...standingLines({ hold, pause }, now),
    ...(rollback ? [`rollback to ${rollback.sha} is under way`] : []),
    holder
      ? `turn     ${holder.sha} since ${time(holder.since)} (${ago(holder.since, now)}): ${holder.phase ?? 'does not answer'}${word(holder)}`
      : 'turn     free',
    ...waitingLines(queue),
  ];
}

/** What keeps builds from being promoted by themselves, and what lifts it. */
export function standingLines({ hold, pause }: Pick<LanePicture, 'hold' | 'pause'>, now: number): string[] {
  return [...(hold ? holdLines(hold, now) : []), ...(pause ? pauseLines(pause, now) : [])];
}

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

/** One line for each, in the order of their turns. */
export function waitingLines(queue: LanePicture['queue']): string[] {
  return queue.map(({ sha, sequence, ...asked }, index) => {
    const numbered = sequence > 0 ? `, sequence ${sequence}` : '';
    return `waits    ${index + 1}. ${sha}${numbered}${word(asked)}`;
  });
}

const word = ({ byWord }: { byWord?: boolean }) => (byWord ? ', on the word of a human' : '');

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

const said = (by: string, reason: string) => `by ${oneLine(by)}: ${oneLine(reason)}`;
const imageWords = ({ repository, digest }: Left) => `${repository.split('/').at(-1)}@${short(digest)}`;
/** As Docker shortens it. */
const short = (digest: string | null) => digest?.slice('sha256:'.length).slice(0, 12) ?? 'nothing';

/** `2026-11-25 06:10:08 UTC` */
const time = (iso: string) => `${iso.slice(0, 19).replace('T', ' ')} UTC`;
const ago = (since: string, now: number) => rounded(now - Date.parse(since));
