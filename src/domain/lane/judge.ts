import { MAX_BY, MAX_REASON } from '../hold.js';
import type { Sha } from '../sha.js';
import { isSha, isText, readLeft } from './read.js';
import type { LaneState, Left } from './state.js';
import { adopt, drop, pause, resume, type Said, unbad, unhold } from './verbs.js';

/** Does what people say to a lane, and answers in words; `refused` when it makes no sense. Never throws. */
export function sayToLane(
  state: LaneState,
  verb: string,
  sent: unknown,
  now: number,
): { answer: string } | { refused: string } {
  const { by, reason, sha, until, images } = Object(sent) as Record<string, unknown>;
  if (!isText(by) || by.length > MAX_BY || typeof reason !== 'string' || !reason.trim() || reason.length > MAX_REASON)
    return { refused: `${verb} refused: it needs by and reason, e.g. {"by":"ada","reason":"looked at it"}` };
  const said: Said = { by, reason };
  const needsSha = verb === 'drop' || verb === 'unbad';
  if (needsSha && !isSha(sha)) return { refused: `${verb} refused: it needs the sha, e.g. "sha":"4c1d56e"` };
  if (verb === 'unhold') return { answer: unhold(state) };
  if (verb === 'resume') return { answer: resume(state) };
  if (verb === 'unbad') return { answer: unbad(state, sha as Sha) };
  if (verb === 'drop') return { answer: drop(state, sha as Sha, said) };
  if (verb === 'pause') {
    if (until !== undefined && !(typeof until === 'string' && Date.parse(until) > now))
      return { refused: 'pause refused: until is no time that is still to come, e.g. "until":"2026-11-25T08:00:00Z"' };
    return { answer: pause(state, said, until as string | undefined, now) };
  }
  const left = readImages(images);
  if (left === null) return { refused: 'adopt refused: it needs images, as canary lane adopt sends them' };
  return { answer: adopt(state, left, isSha(sha) ? (sha as Sha) : null, said, now) };
}

function readImages(images: unknown): Left[] | null {
  if (!Array.isArray(images) || images.length === 0 || images.length > 20) return null;
  try {
    return images.map(readLeft);
  } catch {
    return null;
  }
}
