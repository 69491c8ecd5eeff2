import { type Brand, InvalidInput, shown } from './brand.js';
import { type Sha, shortSha } from './sha.js';
import type { Slug } from './tenants/added.js';

/**
 * Prefix of every workflow id, so that several gates can share a Temporal namespace. Empty by default. Task queues have it too, as far as
 * its dot: `eu.payments` is the gate `payments` of the workers `eu`, which serve all their gates on one set of queues.
 */
export type Lane = Brand<'Lane'>;

const NAME = '[a-z0-9](?:[a-z0-9-]{0,30}[a-z0-9])?';
const LANE = new RegExp(`^(?:${NAME}(?:\\.${NAME})?)?$`);
const GATE = new RegExp(`^${NAME}$`);
const QUEUE = 'canary-release';

/** Parses the name of a lane.
 * @throws {InvalidInput} */
export function parseLane(text: unknown): Lane {
  if (typeof text === 'string' && LANE.test(text)) return text as Lane;
  throw new InvalidInput(
    `invalid lane ${shown(text)}: expected up to 32 lower-case letters, digits and inner dashes, e.g. eu, or two of them, e.g. eu.payments`,
  );
}

/** Lane of workers that serve the gates of a file, unless they are named otherwise. */
const WORKERS = 'gates';

/** Lane of one gate of the workers `workers`.
 * @throws {InvalidInput} */
export function gateLane(workers: Lane, gate: string): Lane {
  if (!GATE.test(gate))
    throw new InvalidInput(
      `invalid gate ${shown(gate)}: expected up to 32 lower-case letters, digits and inner dashes, e.g. payments`,
    );
  if (gateOf(workers) !== null)
    throw new InvalidInput(`the lane ${workers} names a gate already: give its workers alone, ${workersOf(workers)}`);
  return parseLane(`${workers || WORKERS}.${gate}`);
}

/** Gate that a lane names; null for one whose workers serve it alone. */
export const gateOf = (lane: Lane): string | null => lane.split('.')[1] ?? null;
/** Lane of the workers that serve a lane: the lane itself, unless it is one gate of several. */
export const workersOf = (lane: Lane): Lane => (lane.split('.')[0] ?? '') as Lane;

const prefixed = (lane: Lane, name: string) => (lane === '' ? name : `${lane}-${name}`);

/** Task queue of workflows, and of activities that wait for tenants or smoke them. */
export const taskQueue = (lane: Lane) => prefixed(workersOf(lane), QUEUE);
/** Task queue of activities that only wait, so that waiting never takes the slots of work (docs/protocol.md, Acquiring the lane). */
export const waitTaskQueue = (lane: Lane) => `${taskQueue(lane)}-wait`;
/** Task queue of the mover's activities, so that no smoke takes their slots (docs/protocol.md, Acquiring the lane). */
export const moveTaskQueue = (lane: Lane) => `${taskQueue(lane)}-move`;
/** Task queue of a namespace on which no task ever is: who polls it learns Temporal's time. */
export const CLOCK_QUEUE = 'canary-clock';

/** A worker whose clock differs from Temporal's. */
export interface WrongClock {
  /** Its identity. */
  worker: string;
  /** Milliseconds that it is ahead; negative if it is behind. */
  aheadMs: number;
}

/** Identity of a poll of the queue of clocks, by which a worker reports its own. */
export const clockIdentity = ({ worker, aheadMs }: WrongClock): string => `${worker} clock ${aheadMs}`;

/** Reads the clock that an identity reports; null if it reports none. */
export function parseClockIdentity(identity: string): WrongClock | null {
  const { worker, aheadMs } = /^(?<worker>.+) clock (?<aheadMs>-?\d{1,15})$/.exec(identity)?.groups ?? {};
  return worker === undefined ? null : { worker, aheadMs: Number(aheadMs) };
}

/** The part of a visibility query that leaves the runs of one gate, where several share a queue. It leaves those of `pay-2` to `pay`, too: `isOfGate` tells them apart. */
export const ofGate = (lane: Lane) => (gateOf(lane) === null ? '' : ` AND WorkflowId STARTS_WITH '${lane}-'`);

/** Workflow types, by which clients start them. */
export const WORKFLOWS = {
  release: 'CanaryRelease',
  rollback: 'Rollback',
  move: 'MoveLatest',
  lane: 'ReleaseLane',
  watch: 'WatchProduction',
  drift: 'CheckDrift',
  deliver: 'DeliverEvents',
  add: 'AddCanaryTenant',
} as const;
export type WorkflowType = (typeof WORKFLOWS)[keyof typeof WORKFLOWS];

/** Whether a name is that of a workflow type of a gate. */
export const isWorkflowType = (name: unknown): name is WorkflowType => Object.values<unknown>(WORKFLOWS).includes(name);

/** Workflow id of the release of a build. */
export const releaseId = (lane: Lane, sha: Sha) => prefixed(lane, `canary-release-${shortSha(sha)}`);
/** Workflow id of a rollback to a build. */
export const rollbackId = (lane: Lane, sha: Sha) => prefixed(lane, `rollback-${shortSha(sha)}`);
/** Workflow id of the watch over production for a build. */
export const watchProductionId = (lane: Lane, sha: Sha) => prefixed(lane, `watch-production-${shortSha(sha)}`);
/** Id of the Schedule, one for all gates of the workers; the workflows that it starts have a time appended. */
export const checkDriftId = (lane: Lane) => prefixed(workersOf(lane), 'check-drift');
/** Workflow id of the lane. */
export const releaseLaneId = (lane: Lane) => prefixed(lane, 'release-lane');
/** Workflow id of the delivery of events: one for each gate, so that a sink gets them in order. */
export const deliverEventsId = (lane: Lane) => prefixed(lane, 'deliver-events');
/** Workflow id of the addition of a canary tenant. The colon keeps every slug apart from the names of the other runs. */
export const addTenantId = (lane: Lane, slug: Slug) => prefixed(lane, `add-tenant:${slug}`);
/** Workflow id of every move, so that the server never runs two at a time. */
export const moveLatestId = (lane: Lane) => prefixed(lane, 'move-latest');

/** Names of runs that no release waits for. The Schedule appends a time to that of a check: a lane may be called `check-drift`. */
const BESIDE =
  'watch-production-[0-9a-f]{7}|check-drift(?:-\\d{4}-\\d\\d-[^-]+)?|deliver-events|add-tenant:[a-z][a-z0-9-]{0,39}';
const ID = new RegExp(`^(?:(.+)-)?(?:(?:canary-release|rollback)-[0-9a-f]{7}|move-latest|release-lane|${BESIDE})$`);
const BESIDE_ID = new RegExp(`(?:^|-)(?:${BESIDE})$`);

/** Whether releases may wait for this run: not so for a watch, a check, a delivery of events, an addition. */
export const stopsReleases = (workflowId: string): boolean => !BESIDE_ID.test(workflowId);

/** Command of a gate, as a person runs it in any shell. */
export const commandOf = (lane: Lane, text: string): string =>
  `${lane === '' ? 'canary' : `CANARY_LANE=${lane} canary`} ${text}`;

/** Whether this run delivers the events of a gate. */
export const isDelivery = (workflowId: string): boolean => /(?:^|-)deliver-events$/.test(workflowId);

/** Whether a run that this query found is of the gate, and not of one whose name goes on after a dash. An id that is of no gate counts. */
export function isOfGate(lane: Lane, workflowId: string): boolean {
  const found = ID.exec(workflowId);
  return gateOf(lane) === null || found === null || (found[1] ?? '') === lane;
}

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
