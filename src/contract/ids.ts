import { type Brand, InvalidInput, shown } from './brand.js';
import { type Sha, shortSha } from './sha.js';

/** A prefix for every workflow id and task queue, so that several gates share a Temporal namespace. Empty by default. */
export type Lane = Brand<'Lane'>;

const LANE = /^(?:[a-z0-9](?:[a-z0-9-]{0,30}[a-z0-9])?)?$/;
const QUEUE = 'canary-release';

/** @throws {InvalidInput} */
export function parseLane(text: unknown): Lane {
  if (typeof text === 'string' && LANE.test(text)) return text as Lane;
  throw new InvalidInput(`lane ${shown(text)} is not up to 32 lower-case letters, digits and inner dashes, e.g. eu`);
}

const prefixed = (lane: Lane, name: string) => (lane === '' ? name : `${lane}-${name}`);

/** Where workflows run, and the activities that wait for tenants or smoke them. */
export const taskQueue = (lane: Lane) => prefixed(lane, QUEUE);
/** Where runs wait and are followed, and nothing else: waiting never takes the slots of work (docs/protocol.md, Acquiring the lane). */
export const waitTaskQueue = (lane: Lane) => `${taskQueue(lane)}-wait`;
/** Where the mover's activities run: no smoke can take their slots (docs/protocol.md, Acquiring the lane). */
export const moveTaskQueue = (lane: Lane) => `${taskQueue(lane)}-move`;

/** Workflow types: the names that clients start them by. */
export const WORKFLOWS = {
  release: 'CanaryRelease',
  rollback: 'Rollback',
  move: 'MoveLatest',
  lane: 'ReleaseLane',
  watch: 'WatchProduction',
  drift: 'CheckDrift',
} as const;

export const releaseId = (lane: Lane, sha: Sha) => prefixed(lane, `canary-release-${shortSha(sha)}`);
export const rollbackId = (lane: Lane, sha: Sha) => prefixed(lane, `rollback-${shortSha(sha)}`);
/** Watches production take a build. */
export const watchProductionId = (lane: Lane, sha: Sha) => prefixed(lane, `watch-production-${shortSha(sha)}`);
/** The Schedule, and what it starts: that with the time behind it. */
export const checkDriftId = (lane: Lane) => prefixed(lane, 'check-drift');
/** The queue for the fleet, and the ledger. */
export const releaseLaneId = (lane: Lane) => prefixed(lane, 'release-lane');
/** One id for all moves: the server then never runs two at a time. */
export const moveLatestId = (lane: Lane) => prefixed(lane, 'move-latest');

const ID =
  /^(?:(.+)-)?(?:(?:canary-release|rollback|watch-production)-[0-9a-f]{7}|check-drift(?:-\d{4}-[^-]+-[^-]+)?|move-latest|release-lane)$/;

/** What a run's id says: whether it is a rollback, and the first digits of its build. */
export function parseRunId(workflowId: string): { isRollback: boolean; sha: string } {
  return { isRollback: /(?:^|-)rollback-[0-9a-f]{7}$/.test(workflowId), sha: workflowId.slice(-7) };
}

/** The lane of a workflow, by its id. (Its task queue would not do: a replay has another one.)
 * @throws {InvalidInput} on an id that is not a gate's. */
export function laneOf(workflowId: string): Lane {
  const match = ID.exec(workflowId);
  if (!match) throw new InvalidInput(`invalid workflow id ${shown(workflowId)}: expected e.g. canary-release-4c1d56e`);
  return parseLane(match[1] ?? '');
}
