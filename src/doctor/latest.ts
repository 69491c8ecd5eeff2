import { setTimeout as delay } from 'node:timers/promises';
import type { Repository, Tag } from '../contract/image.js';
import type { LaneState } from '../contract/lane.js';
import { digestOf, type TagState, whereItStands } from '../contract/move.js';
import { otherImages } from '../lane/drift.js';
import { isPaused } from '../lane/state.js';
import { observeMoved } from '../move/observe.js';
import { MOVE_WAITS } from '../move/waits.js';
import type { Registry } from '../registry/context.js';
import { getManifest } from '../registry/get-manifest.js';
import { putTag } from '../registry/put-tag.js';
import type { Finding } from './finding.js';
import { causeOf } from './registry.js';

/** Pause before a difference is read again, in milliseconds: the first read may have been a stale one. */
const AGAIN_MS = 2_000;
/** Limit of one trial write, in milliseconds: short, so that no move begins meanwhile. */
const PUT_TIMEOUT_MS = 5_000;

/** Reads the state of the lane now; null if it cannot be read. */
export type ReadState = () => Promise<LaneState | null>;

const ADOPT = 'canary lane adopt --reason … if it is meant to be there, else canary rollback or canary promote';

/** Whether `:latest` is where the ledger says that the last move left it. Says nothing while a move is open. */
export async function compareLatest(
  registry: Registry,
  read: ReadState,
  images: Repository[],
  signal: AbortSignal,
): Promise<Finding[]> {
  for (let again = false; ; again = true) {
    const state = await read();
    const expected = state?.ledger.expectedLatest;
    if (!state || !expected || state.move !== null) return [];
    const ours = expected.images.filter(({ repository }) => images.includes(repository));
    const moved = await observeMoved(registry, ours, signal);
    if (moved.length === 0)
      return [
        { area: 'lane', level: 'ok', what: ':latest is where the last move left it' },
        ...differing(state.ledger, images),
      ];
    // A read may be from before the move.
    const level = isRecent(expected) ? 'note' : 'stops';
    if (again)
      return moved.map((image) => ({
        area: 'lane',
        level,
        what: describe(image, registry.latest, expected.images),
        fix: ADOPT,
      }));
    await delay(AGAIN_MS, undefined, { signal });
  }
}

const describe = (image: TagState, tag: Tag, expected: TagState[]) =>
  `${whereItStands(image, tag)}, the ledger has ${digestOf(expected, image.repository) ?? 'nothing'}: moved from outside, or the ledger is from a backup`;

/** A set of images that was changed on this machine alone, or in the workers and not moved since. */
const differing = (ledger: LaneState['ledger'], images: Repository[]): Finding[] =>
  otherImages(ledger, images).map((what) => ({
    area: 'settings',
    level: 'warning',
    what,
    fix: 'the same CANARY_IMAGES here and in every worker; after a change, the next promotion or canary lane adopt',
  }));

const isRecent = ({ at }: { at: number }) => Date.now() - at < MOVE_WAITS.recentMs;

/**
 * Tries whether each `:latest` may be overwritten, by writing the manifest that it has already. Only while a person has
 * paused the lane, nothing runs in it, and `:latest` is where the ledger has it: a write beside a move could undo the move.
 * @throws {RegistryError} if `:latest` cannot be read.
 */
export async function tryOverwriting(
  registry: Registry,
  read: ReadState,
  images: Repository[],
  signal: AbortSignal,
): Promise<Finding[]> {
  const findings: Finding[] = [];
  for (const repository of images) {
    const manifest = await getManifest(registry, repository, registry.latest, signal);
    const state = await read();
    const why = whyNot(state) ?? (isExpected(state, manifest) ? null : ':latest is not where the ledger has it');
    if (why !== null)
      return [...findings, notTried(`overwriting ${repository}:${registry.latest} was not tried: ${why}`)];
    findings.push(await overwrite(registry, manifest, signal));
    const later = await read();
    if (whyNot(later) !== null || later?.ledger.expectedLatest?.at !== state?.ledger.expectedLatest?.at)
      return [...findings, crossed(manifest)];
  }
  return findings;
}

const isExpected = (state: LaneState | null, { repository, digest }: TagState) =>
  digestOf(state?.ledger.expectedLatest?.images ?? [], repository) === digest;

/** Why the lane may move `:latest` now; null if it does not before a person acts. */
function whyNot(state: LaneState | null): string | null {
  if (state === null) return 'the lane cannot be read';
  if (!isPaused(state.ledger.pause, Date.now())) return 'the lane is not paused';
  if (state.holder !== null) return `${state.holder.workflowId} holds the lane`;
  if (state.rollback !== null) return `${state.rollback.workflowId} is under way`;
  if (state.move !== null) return 'a move is under way';
  const expected = state.ledger.expectedLatest;
  if (expected === null) return 'nothing was moved or adopted yet';
  return isRecent(expected) ? ':latest was moved or adopted less than a minute ago' : null;
}

const notTried = (what: string): Finding => ({
  area: 'registry',
  level: 'stops',
  what,
  fix: 'canary pause --reason …, and try again a minute after the last move',
});

const crossed = ({ repository, digest }: TagState): Finding => ({
  area: 'registry',
  level: 'stops',
  what: `a move began while :latest of ${repository} was written, so it may be back at ${digest}`,
  fix: 'canary status, then carry out that move again',
});

async function overwrite(
  registry: Registry,
  manifest: Parameters<typeof putTag>[1],
  signal: AbortSignal,
): Promise<Finding> {
  const { repository } = manifest;
  try {
    await putTag(registry, manifest, registry.latest, { signal, timeoutMs: PUT_TIMEOUT_MS });
    const what = `${repository}:${registry.latest} may be overwritten: its own manifest was written again`;
    return { area: 'registry', level: 'ok', what };
  } catch (error) {
    const { why, fix } = causeOf(error);
    const what = `${repository}:${registry.latest} may not be overwritten: ${why}`;
    return { area: 'registry', level: 'stops', what, ...(fix && { fix }) };
  }
}
