import { type Brand, InvalidInput, shown } from './brand.js';
import { type Sha, shortSha } from './sha.js';

/** Prefix of every workflow id and task queue, so that several gates can share a Temporal namespace. Empty by default. */
export type Lane = Brand<'Lane'>;

const LANE = /^(?:[a-z0-9](?:[a-z0-9-]{0,30}[a-z0-9])?)?$/;
const QUEUE = 'canary-release';

/** Parses the name of a lane.
 * @throws {InvalidInput} */
export function parseLane(text: unknown): Lane {
  if (typeof text === 'string' && LANE.test(text)) return text as Lane;
  throw new InvalidInput(
    `invalid lane ${shown(text)}: expected up to 32 lower-case letters, digits and inner dashes, e.g. eu`,
  );
}

const prefixed = (lane: Lane, name: string) => (lane === '' ? name : `${lane}-${name}`);

/** Task queue of workflows, and of activities that wait for tenants or smoke them. */
export const taskQueue = (lane: Lane) => prefixed(lane, QUEUE);
/** Task queue of activities that only wait, so that waiting never takes the slots of work (docs/protocol.md, Acquiring the lane). */
export const waitTaskQueue = (lane: Lane) => `${taskQueue(lane)}-wait`;
/** Task queue of the mover's activities, so that no smoke takes their slots (docs/protocol.md, Acquiring the lane). */
export const moveTaskQueue = (lane: Lane) => `${taskQueue(lane)}-move`;

/** Workflow types, by which clients start them. */
export const WORKFLOWS = {
  release: 'CanaryRelease',
  rollback: 'Rollback',
  move: 'MoveLatest',
  lane: 'ReleaseLane',
  watch: 'WatchProduction',
  drift: 'CheckDrift',
} as const;

/** Workflow id of the release of a build. */
export const releaseId = (lane: Lane, sha: Sha) => prefixed(lane, `canary-release-${shortSha(sha)}`);
/** Workflow id of a rollback to a build. */
export const rollbackId = (lane: Lane, sha: Sha) => prefixed(lane, `rollback-${shortSha(sha)}`);
/** Workflow id of the watch over production for a build. */
export const watchProductionId = (lane: Lane, sha: Sha) => prefixed(lane, `watch-production-${shortSha(sha)}`);
/** Id of the Schedule; the workflows that it starts have a time appended. */
export const checkDriftId = (lane: Lane) => prefixed(lane, 'check-drift');
/** Workflow id of the lane. */
export const releaseLaneId = (lane: Lane) => prefixed(lane, 'release-lane');
/** Workflow id of every move, so that the server never runs two at a time. */
export const moveLatestId = (lane: Lane) => prefixed(lane, 'move-latest');

const ID =
  /^(?:(.+)-)?(?:(?:canary-release|rollback|watch-production)-[0-9a-f]{7}|check-drift(?:-\d{4}-[^-]+-[^-]+)?|move-latest|release-lane)$/;

/** Parses a run's workflow id: whether it is a rollback, and the first seven digits of its sha. */
export function parseRunId(workflowId: string): { isRollback: boolean; sha: string } {
  return { isRollback: /(?:^|-)rollback-[0-9a-f]{7}$/.test(workflowId), sha: workflowId.slice(-7) };
}

/** Lane of a workflow, by its id; its task queue does not tell, because a replay has another one.
 * @throws {InvalidInput} if the id is not one of a gate. */
export function laneOf(workflowId: string): Lane {
  const match = ID.exec(workflowId);
  if (!match) throw new InvalidInput(`invalid workflow id ${shown(workflowId)}: expected e.g. canary-release-4c1d56e`);
  return parseLane(match[1] ?? '');
}
