import { createHmac, timingSafeEqual } from 'node:crypto';
import { InvalidInput, shown } from '../contract/brand.js';
import { LATEST, parsePromoteTag, type Repository, type Tag } from '../contract/image.js';
import type { LaneState, Ledger } from '../contract/lane.js';
import { fieldsOf } from '../domain/payloads/fields.js';
import { ledgerFault, parseLaneState } from '../lane/payloads/state.js';
import { emptyLane } from '../lane/state.js';
import type { PayloadKeys } from '../temporal/payloads/keys.js';

/** Copy of a ledger, kept in a repository of the gate. */
export interface LedgerCopy {
  /** Grows with each move: its time, epoch in milliseconds. An older copy never replaces a newer one. */
  generation: number;
  ledger: Ledger;
  /** Tag that production followed. */
  tag: Tag;
  /** Whether a payload key signed it. Without one, anybody who may write to the repository may have made it. */
  isSigned: boolean;
}

/** Whose copy it is. */
interface Owner {
  lane: string;
  repository: Repository;
  tag?: Tag;
}

const KIND = 'canary-ledger';
const VERSION = 1;
/** Prefix of what is signed: a payload key signs nothing else in this form. */
const PURPOSE = 'canary-ledger\n';
/** In place of names and reasons. */
const UNSAID = '(in its run)';

/**
 * The ledger without what people wrote, and without names of tenants: anyone who may pull the images may read the copy. Each field that is
 * copied is named, so a later one of an entry stays out; a later part of the ledger does not compile until it is decided here.
 */
export function withoutProse(ledger: Ledger): Ledger {
  const { drift: _drift, quarantines: _quarantines, history, knownBad, verdicts, hold, pause, ...parts } = ledger;
  const { order, seen, highestSequence, outOfOrder, newestPromoted, firstPromoted, expectedLatest, ...others } = parts;
  const { consecutivePreemptions, watchStartedFor, watchedFor, lost, ...undecided } = others;
  undecided satisfies Record<string, never>;
  const unsaid = { by: UNSAID, reason: UNSAID };
  const untold = { by: UNSAID, why: UNSAID };
  return {
    order,
    seen,
    highestSequence,
    outOfOrder,
    newestPromoted,
    history: history.map(({ sha, at, kind, images }) => ({ sha, at, kind, images, ...unsaid })),
    firstPromoted,
    knownBad: knownBad.map(({ sha, digests, since }) => ({ sha, digests, since, ...unsaid })),
    verdicts: verdicts.map(({ sha, verdict, runId, at }) => ({ sha, verdict, runId, at, failed: [] })),
    hold: hold && { name: hold.name, since: hold.since, ...(hold.moved && { moved: hold.moved }), ...untold },
    pause: pause && { since: pause.since, ...(pause.until && { until: pause.until }), ...untold },
    expectedLatest,
    consecutivePreemptions,
    ...(watchStartedFor && { watchStartedFor }),
    ...(watchedFor && { watchedFor }),
    ...(lost && { lost }),
  };
}

/** How far a clock may be ahead of another, in milliseconds. */
const CLOCKS_MS = 5 * 60_000;

/** A copy of a move that is yet to come, which no lane writes: it would never be replaced, and hide every one after it. */
export class FutureCopy extends InvalidInput {}

/** Number of the copy that a ledger would give; null before its first move. */
export const generationOf = ({ expectedLatest }: Ledger): number | null => expectedLatest?.at ?? null;

/** Text of a copy: a line of JSON, and a line with the signature of the first one; without keys, with none. */
export function sealCopy(ledger: Ledger, { lane, repository, tag = LATEST }: Owner, keys: PayloadKeys | null): string {
  const generation = generationOf(ledger) ?? 0;
  const line = JSON.stringify({
    kind: KIND,
    version: VERSION,
    lane,
    repository,
    tag,
    generation,
    ledger: withoutProse(ledger),
  });
  const key = keys?.byId.get(keys.first);
  const signature = keys && key ? { key: keys.first, hmac: sign(line, key) } : {};
  return `${line}\n${JSON.stringify(signature)}\n`;
}

const sign = (line: string, key: Parameters<typeof createHmac>[1]) =>
  createHmac('sha256', key).update(PURPOSE).update(line).digest('base64url');

/** Reads a copy, which may be anything. With keys, only one that they signed counts.
 * @param now time by which a copy is of the future, epoch in milliseconds.
 * @throws {InvalidInput} why it does not count. */
export function openCopy(text: string, owner: Owner, keys: PayloadKeys | null, now: number): LedgerCopy {
  const [line = '', signature = ''] = text.split('\n', 2);
  const isSigned = isSignedBy(line, parse(signature), keys);
  const { kind, version, lane, repository, tag = LATEST, generation, ledger } = fieldsOf(parse(line));
  if (kind !== KIND) throw new InvalidInput('it is not a copy of a ledger');
  if (version !== VERSION)
    throw new InvalidInput(
      `it is of version ${shown(version)}, this gate reads ${VERSION} (use the gate that wrote it)`,
    );
  if (lane !== owner.lane || repository !== owner.repository)
    throw new InvalidInput(
      `it is the ledger of lane ${shown(lane)} in ${shown(repository)} (it was copied here, or CANARY_LANE is another)`,
    );
  const state: LaneState | null = parseLaneState({ ...emptyLane(), ledger });
  if (state === null) throw new InvalidInput(`its ledger cannot be read: ${ledgerFault(ledger)} is missing or invalid`);
  if (!Number.isSafeInteger(generation) || Number(generation) < 0 || generation !== (generationOf(state.ledger) ?? 0))
    throw new InvalidInput(`its number ${shown(generation)} is not the time of its last move`);
  if (Number(generation) > now + CLOCKS_MS)
    throw new FutureCopy(`its last move is of ${timeOf(Number(generation))}, later than now (is a clock wrong?)`);
  return { generation: generation as number, tag: parsePromoteTag(tag), ledger: state.ledger, isSigned };
}

/** A number as a time, if it is one. */
const timeOf = (ms: number): string => (ms <= MAX_TIME_MS ? new Date(ms).toISOString() : `${ms} ms`);
const MAX_TIME_MS = 8.64e15;

function isSignedBy(line: string, signature: unknown, keys: PayloadKeys | null): boolean {
  if (keys === null) return false;
  const { key: id, hmac } = fieldsOf(signature);
  const key = typeof id === 'string' ? keys.byId.get(id) : undefined;
  if (!key || typeof hmac !== 'string')
    throw new InvalidInput('no payload key of this gate signed it (is its key still in CANARY_PAYLOAD_KEY_FILE?)');
  const [given, own] = [Buffer.from(hmac), Buffer.from(sign(line, key))];
  if (given.length !== own.length || !timingSafeEqual(given, own))
    throw new InvalidInput('its signature is wrong: it was changed since, or signed with another key of that id');
  return true;
}

function parse(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return null;
  }
}
