import { setTimeout as delay } from 'node:timers/promises';
import type { RecordedImage } from '../contract/move.js';
import type { PinnedImage } from '../contract/release.js';
import { type Sha, sameBuild, shortSha } from '../contract/sha.js';
import type { Registry } from '../registry/context.js';
import { getManifest } from '../registry/get-manifest.js';
import { ROLLBACK_FLOOR, readRollbackFloor } from '../registry/read-revision.js';

/** Longest time for all labels, in milliseconds: a rollback does not wait for one that hangs. */
const READ_MS = 10_000;

/** What the ledger knows about the builds since the target of a rollback. */
export interface FloorEvidence {
  /** Images of the builds that were live after it, newest first. */
  since: RecordedImage[];
  /** Floors that the releases of later builds named, and that of the target did not. */
  declared: string[];
  /** Whether the target is not older than a build; null if the order is not known. */
  isAtLeast: (floor: string) => boolean | null;
}

/** Without the ledger only what is live counts, and no order is known. */
export const NO_EVIDENCE: FloorEvidence = { since: [], declared: [], isAtLeast: () => null };

/**
 * Marks the target of a rollback if it is, or may be, below a rollback floor: a build that was live since says that older ones cannot run
 * on today's data. A label that cannot be read does not stop a person's rollback, only one of the policy.
 */
export async function withFloor(
  registry: Registry,
  sha: Sha,
  pinned: PinnedImage[],
  { since, declared, isAtLeast }: FloorEvidence,
  signal?: AbortSignal,
): Promise<PinnedImage[]> {
  const live = pinned.map(({ repository, latest }) => ({ repository, digest: latest }));
  const read = Promise.all([floorsOf(registry, pinned, signal), floorsOf(registry, [...live, ...since], signal)]);
  const late = new AbortController();
  const none: Floors = { floors: [], unread: ['the registry'] };
  const [{ floors: own }, { floors, unread }] = await Promise.race([
    read,
    delay(READ_MS, [none, none] as const, { signal: late.signal }),
  ]).finally(() => late.abort());
  const above = [...floors, ...declared].filter((floor) => !sameBuild(sha, floor) && !own.includes(floor));
  const sourceOf = (floor: string) => (floors.includes(floor) ? ROLLBACK_FLOOR : 'its release, by --floor');
  const below = above.find((floor) => isAtLeast(floor) === false);
  const unknown = above.find((floor) => isAtLeast(floor) === null);
  const belowFloor =
    below !== undefined
      ? `${shortSha(sha)} is below the rollback floor ${below}: a build since says (${sourceOf(below)}) that older ones cannot run on today's data`
      : unknown !== undefined
        ? `${shortSha(sha)} may be below the rollback floor ${unknown} (${sourceOf(unknown)}): the order of the two builds is not known`
        : null;
  const marks = {
    ...(belowFloor !== null && { belowFloor }),
    ...(unread.length > 0 && { floorUnread: `the label ${ROLLBACK_FLOOR} cannot be read: ${unread.join(', ')}` }),
  };
  return pinned.map((image) => ({ ...image, ...marks }));
}

/** Floors that images name, and those images whose label cannot be read. */
interface Floors {
  floors: string[];
  unread: string[];
}

async function floorsOf(registry: Registry, images: RecordedImage[], signal?: AbortSignal): Promise<Floors> {
  const distinct = [...new Map(images.map((one) => [`${one.repository}@${one.digest}`, one])).values()];
  const unread: string[] = [];
  const found = await Promise.all(
    distinct.map(async ({ repository, digest }) => {
      if (digest === null) return null;
      try {
        return await readRollbackFloor(registry, await getManifest(registry, repository, digest, signal), signal);
      } catch {
        signal?.throwIfAborted();
        unread.push(`${repository}@${digest}`);
        return null;
      }
    }),
  );
  return { floors: [...new Set(found.filter((one) => one !== null))], unread };
}
