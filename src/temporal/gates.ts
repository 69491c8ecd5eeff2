import type { Client } from '@temporalio/client';
import { nullIfInvalid } from '../contract/brand.js';
import { gateOf, type Lane, laneOf, taskQueue, WORKFLOWS, type WrongClock } from '../contract/ids.js';
import { type LaneView, laneView } from '../lane/view.js';
import { NoAnswer, withinTime } from './faults/in-time.js';
import { wrongClocks } from './faults/wrong-clock.js';
import type { LaneUnavailable } from './lane-client.js';
import { isUnavailable, readLane } from './lane-view.js';
import { type ListedRun, readWorkers, toListedRun } from './overview.js';
import { listRuns, RunsUnlisted } from './records/listing.js';

/** One of several gates, as one line shows it. */
export interface GateNow {
  gate: string;
  lane: LaneView | LaneUnavailable;
  running: ListedRun[];
  /** Workflow ids of runs of every type that a person paused in Temporal, or one of their steps. */
  paused: string[];
}

/** All gates of one set of workers. */
export interface GatesNow {
  gates: GateNow[];
  /** The same of runs that the gates share. */
  paused: string[];
  /** Gates that did not answer in time, or were not asked. */
  late: string[];
  /** Why their runs cannot be listed; null if they are. */
  unlisted: string | null;
  /** Identities of the workers that poll. */
  workers: string[];
  /** Why it is not known who polls. */
  unasked?: string;
  /** Those of them whose clock is wrong. */
  clocks: WrongClock[];
}

/** Lanes that are asked at a time. */
const AT_A_TIME = 20;
/** Upper bound of listed runs: three for each of 300 gates. */
const MAX_RUNS = 1_000;

/** Time limit of all lanes, in milliseconds: a status takes at most 5 s, and shows the gates that answered. */
const LANES_MS = 3_500;

/** The gates of `lanes`, which share their workers.
 * @throws {NoAnswer} if not one of them answered in time. */
export async function gatesNow(client: Client, lanes: Lane[]): Promise<GatesNow> {
  const [first] = lanes;
  if (first === undefined) return { gates: [], paused: [], late: [], unlisted: null, workers: [], clocks: [] };
  const queue = taskQueue(first);
  const [views, { running, unlisted }, paused, reported, { identities: workers, unasked }] = await Promise.all([
    viewsOf(client, lanes),
    runningRuns(client, queue),
    pausedRuns(client, queue),
    wrongClocks(client),
    readWorkers(client, queue),
  ]);
  const gates = [...views].map(([lane, view]) => ({
    gate: nameOf(lane),
    lane: view,
    running: running.filter(({ workflowId }) => isOf(lane, workflowId)),
    paused: paused.filter((workflowId) => isOf(lane, workflowId)),
  }));
  const shared = paused.filter((workflowId) => !lanes.some((lane) => isOf(lane, workflowId)));
  const late = lanes.filter((lane) => !views.has(lane)).map(nameOf);
  const clocks = reported.filter(({ worker }) => workers.includes(worker));
  return { gates, paused: shared, late, unlisted, workers, clocks, ...(unasked !== undefined && { unasked }) };
}

const isOf = (lane: Lane, workflowId: string) => nullIfInvalid(() => laneOf(workflowId)) === lane;
const nameOf = (lane: Lane) => gateOf(lane) ?? lane;

/** The lanes that answer in time. */
async function viewsOf(client: Client, lanes: Lane[]): Promise<Map<Lane, GateNow['lane']>> {
  const rest = [...lanes];
  const views = new Map<Lane, GateNow['lane']>();
  const readNext = async () => {
    for (let lane = rest.shift(); lane !== undefined; lane = rest.shift()) {
      const state = await readLane(client, lane);
      views.set(lane, isUnavailable(state) ? state : laneView(state, Date.now()));
    }
  };
  try {
    await withinTime(client, LANES_MS, () => Promise.all(Array.from({ length: AT_A_TIME }, readNext)));
  } catch (error) {
    rest.length = 0;
    if (!(error instanceof NoAnswer) || views.size === 0) throw error;
  }
  // What is answered later is not shown.
  return new Map(lanes.flatMap((lane) => (views.has(lane) ? [[lane, views.get(lane) as GateNow['lane']]] : [])));
}

async function runningRuns(client: Client, queue: string): Promise<{ running: ListedRun[]; unlisted: string | null }> {
  const query = `TaskQueue = '${queue}' AND CloseTime IS NULL AND WorkflowType IN ('${WORKFLOWS.release}', '${WORKFLOWS.rollback}')`;
  try {
    return { running: (await listRuns(client, query, MAX_RUNS)).map(toListedRun), unlisted: null };
  } catch (error) {
    if (error instanceof RunsUnlisted) return { running: [], unlisted: error.why };
    throw error;
  }
}

/** Most paused runs that are named. */
const MAX_PAUSED = 100;

/** Runs that a person paused, or one of their steps. None if they cannot be listed: an older server does not know them, and of another `unlisted` tells. */
async function pausedRuns(client: Client, queue: string): Promise<string[]> {
  const query = `TaskQueue = '${queue}' AND CloseTime IS NULL AND TemporalPauseInfo IS NOT NULL`;
  const runs = await listRuns(client, query, MAX_PAUSED).catch((error: unknown) => {
    if (error instanceof RunsUnlisted) return [];
    throw error;
  });
  return runs.map(({ workflowId }) => workflowId);
}
