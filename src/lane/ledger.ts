import type { OpenPoint } from '../contract/hold.js';
import type { Digest, Repository } from '../contract/image.js';
import type { KnownBadBuild, Ledger, LedgerEntry, OrderKey } from '../contract/lane.js';
import { digestOf, type TagState } from '../contract/move.js';
import type { PinnedImage } from '../contract/release.js';
import { type Sha, sameBuild, shortSha } from '../contract/sha.js';
import type { BuildVerdict } from '../contract/tenants/check.js';
import { brief, HISTORY_BYTES, newest, numberFirstPromotion } from './limits.js';
import { MAX_BUILDS } from './state.js';

/** Order key of a sha. The first request fixes it, so that a re-run of an old job does not make its build newer (docs/protocol.md, Order of builds). */
export function keyOf(ledger: Ledger, sha: string, sequence?: number): OrderKey {
  const known = ledger.order[shortSha(sha)];
  if (known) return known;
  ledger.highestSequence = Math.max(ledger.highestSequence, sequence ?? 0);
  const key = { sequence: sequence ?? ledger.highestSequence, seen: ledger.seen };
  ledger.seen += 1;
  ledger.order[shortSha(sha)] = key;
  forgetOldest(ledger);
  return key;
}

/** Whether `a` comes before `b`: by a lower sequence, then by being seen earlier. */
export function isOlder(a: OrderKey, b: OrderKey): boolean {
  return a.sequence === b.sequence ? a.seen < b.seen : a.sequence < b.sequence;
}

/** Drops the oldest order keys above the limit. Keys of moved and known-bad builds stay: a forgotten build would count as new. */
function forgetOldest(ledger: Ledger): void {
  const shas = Object.keys(ledger.order);
  if (shas.length <= 2 * MAX_BUILDS) return;
  const kept = new Set([...ledger.history, ...ledger.knownBad].map(({ sha }) => shortSha(sha ?? '')));
  const oldest = shas
    .filter((sha) => !kept.has(sha))
    .sort((a, b) => (ledger.order[a]?.seen ?? 0) - (ledger.order[b]?.seen ?? 0));
  for (const sha of oldest.slice(0, shas.length - 2 * MAX_BUILDS)) delete ledger.order[sha];
}

/** Entry whose build is known. */
export type NamedEntry = LedgerEntry & { sha: Sha };

/** Mark of a build that was rolled back from; undefined without one. */
export const markOf = ({ knownBad }: Pick<Ledger, 'knownBad'>, sha: string): KnownBadBuild | undefined =>
  knownBad.find((one) => sameBuild(one.sha, sha));

/** Verdict of canary on a build, if the last one is RED. */
export const rejectionOf = ({ verdicts }: Pick<Ledger, 'verdicts'>, sha: string): BuildVerdict | undefined =>
  verdicts.find((one) => one.verdict === 'RED' && sameBuild(one.sha, sha));

/** Why a build is known-bad, on one line: it was rolled back from, or canary rejected it. Null if it is not. */
export function whyKnownBad(ledger: Ledger, sha: string): string | null {
  const mark = markOf(ledger, sha);
  if (mark) return describeMark(mark);
  const rejection = rejectionOf(ledger, sha);
  return rejection ? describeRejection(rejection) : null;
}

/** When a build was rolled back from, by whom and why, on one line. */
export const describeMark = ({ since, by, reason }: { since: string; by: string; reason: string }) =>
  `rolled back on ${since} by ${by}: ${reason}`;

/** When canary rejected a build, in which run, and the failed checks, on one line. */
export const describeRejection = ({ at, runId, failed }: BuildVerdict) =>
  `REJECTED BY CANARY on ${at}, run ${runId}: ${failed.join(', ')}`;

/** Earlier rejection of a build as an open point of its release; empty without one. */
export const openRejection = (rejected: BuildVerdict | null): OpenPoint[] =>
  rejected === null ? [] : [{ kind: 'rejected', about: rejected.runId, text: describeRejection(rejected) }];

/** Whether an entry names its build. */
export const isNamed = (entry: LedgerEntry): entry is NamedEntry => entry.sha !== null;

/** Newest entry of a build in the history. */
export const lastMoveOf = ({ history }: Ledger, sha: string): NamedEntry | undefined =>
  history.filter(isNamed).findLast((one) => sameBuild(one.sha, sha));

/** Images that the gate itself moved to a build. What a person adopted does not count: an adoption may name any image. */
export const movedImagesOf = ({ history }: Ledger, sha: string): Repository[] =>
  history
    .filter((one) => one.kind !== 'adopted' && one.sha !== null && sameBuild(one.sha, sha))
    .flatMap(({ images }) => images.map(({ repository }) => repository));

/** Images that the ledger has for a build, and that the gate neither has nor ever moved to it: a person adopted them with it, and they left `CANARY_IMAGES` since. */
export function foreignImagesOf(ledger: Ledger, sha: string, configured: readonly Repository[]): Repository[] {
  const own = [...configured, ...movedImagesOf(ledger, sha)];
  const all = lastMoveOf(ledger, sha)?.images.map(({ repository }) => repository) ?? [];
  return all.filter((repository) => !own.includes(repository));
}

/** Builds that were at `:latest`, each by its newest entry, newest first. */
export function buildsOf({ history }: Ledger): NamedEntry[] {
  const builds: NamedEntry[] = [];
  for (const entry of history.toReversed())
    if (isNamed(entry) && !builds.some((one) => sameBuild(one.sha, entry.sha))) builds.push(entry);
  return builds;
}

/** Newest good build that was live before an entry of the history: the target of a rollback from that entry. */
export function liveBefore(ledger: Ledger, entry: LedgerEntry | undefined): Sha | null {
  if (entry === undefined) return null;
  const { sha } = entry;
  const isGood = (one: NamedEntry) =>
    !(sha !== null && sameBuild(one.sha, sha)) && whyKnownBad(ledger, one.sha) === null;
  return ledger.history.slice(0, ledger.history.indexOf(entry)).filter(isNamed).findLast(isGood)?.sha ?? null;
}

/** Target of a rollback from the live build; null if the history has no other good build. */
export const defaultRollbackTarget = (ledger: Ledger): Sha | null => liveBefore(ledger, ledger.history.at(-1));

/** Names an adopted `:latest` whose build was not known, by the digests of a build: it was live before every later move. */
export function nameAdopted(ledger: Ledger, sha: Sha, images: TagState[]): void {
  const index = ledger.history.findIndex(
    (entry) =>
      entry.sha === null &&
      entry.kind === 'adopted' &&
      images.length > 0 &&
      images.every(({ repository, digest }) => digest !== null && digestOf(entry.images, repository) === digest),
  );
  const entry = ledger.history[index];
  if (!entry || ledger.firstPromoted[shortSha(sha)] !== undefined) return;
  entry.sha = sha;
  // Before the first promotion of everything that was moved later.
  const later = ledger.history.slice(index + 1).map((one) => ledger.firstPromoted[shortSha(one.sha ?? '')] ?? 0);
  ledger.firstPromoted[shortSha(sha)] = Math.min(0, ...later) - 1;
}

/** Appends a move or an adoption to the history. A promoted or adopted build becomes `newestPromoted`. */
export function record(ledger: Ledger, { by, reason, ...entry }: LedgerEntry): void {
  ledger.history = newest(
    [...ledger.history, { ...entry, by: brief(by), reason: brief(reason) }],
    MAX_BUILDS,
    HISTORY_BYTES,
  );
  const { kind, sha } = entry;
  if (sha === null) return;
  if (kind === 'rollback') {
    raiseNewest(ledger, sha);
    return;
  }
  numberFirstPromotion(ledger.firstPromoted, shortSha(sha));
  // A forced promotion of an older build lowers `newestPromoted` to that build.
  ledger.newestPromoted = { sha, key: keyOf(ledger, sha) };
}

/** A rollback raises what the promotion of an older build by hand had lowered, and never lowers it. A forced one to a build that was never promoted changes nothing. */
function raiseNewest(ledger: Ledger, sha: Sha): void {
  const { newestPromoted, firstPromoted } = ledger;
  const key = keyOf(ledger, sha);
  if (newestPromoted && firstPromoted[shortSha(sha)] !== undefined && isOlder(newestPromoted.key, key))
    ledger.newestPromoted = { sha, key };
}

/** Why the content of a build is known-bad: the same digest under another sha was rolled back from. Null if it is not. */
export function whySameContent(
  { knownBad }: Pick<Ledger, 'knownBad'>,
  targets: readonly (Digest | null)[],
): string | null {
  const mark = knownBad.find(({ digests }) => digests.some((digest) => targets.includes(digest)));
  return mark ? describeMark(mark) : null;
}

/** Why a build is not the live one; null if it is. */
export function whyNotLive({ history }: Ledger, sha: Sha): string | null {
  const live = history.at(-1)?.sha;
  return live && sameBuild(live, sha) ? null : `${sha} is no longer live`;
}

/** Newest move in the history; an adoption is not a move. */
export const lastMove = ({ history }: Ledger): LedgerEntry | undefined =>
  history.findLast(({ kind }) => kind !== 'adopted');

/** Newest entry that replaced a build moved at `movedAt` (ISO 8601); an adoption of the same build does not replace it. */
export function supersededBy({ history }: Ledger, sha: string, movedAt: string): LedgerEntry | undefined {
  return history.findLast(
    (one) => one.at > movedAt && (one.kind !== 'adopted' || one.sha === null || !sameBuild(one.sha, sha)),
  );
}

/** Whether `:latest` moved since a run read it, and a person has adopted the new state. */
export function isAdopted(seen: PinnedImage[], found: TagState[], expected: TagState[]): boolean {
  const isNew = seen.some(({ repository, latest }) => latest !== digestOf(found, repository));
  return isNew && seen.every(({ repository }) => digestOf(expected, repository) === digestOf(found, repository));
}
