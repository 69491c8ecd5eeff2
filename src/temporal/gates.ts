import type { Client } from '@temporalio/client';
import { nullIfInvalid } from '../contract/brand.js';
import { gateOf, type Lane, laneOf, taskQueue, WORKFLOWS } from '../contract/ids.js';
import { type LaneView, laneView } from '../lane/view.js';
import type { LaneUnavailable } from './lane-client.js';
import { isUnavailable, readLane } from './lane-view.js';
import { type ListedRun, toListedRun } from './overview.js';
import { workersOn } from './pollers.js';
import { listRuns, RunsUnlisted } from './records/listing.js';

/** One of several gates, as one line shows it. */
export interface GateNow {
  gate: string;
  lane: LaneView | LaneUnavailable;
  running: ListedRun[];
}

/** All gates of one set of workers. */
export interface GatesNow {
  gates: GateNow[];
  /** Why their runs cannot be listed; null if they are. */
  unlisted: string | null;
  /** Identities of the workers that poll. */
  workers: string[];
}

/** Lanes that are asked at a time. */
const AT_A_TIME = 20;
/** Upper bound of listed runs: three for each of 300 gates. */
const MAX_RUNS = 1_000;

/** The gates of `lanes`, which share their workers. */
export async function gatesNow(client: Client, lanes: Lane[]): Promise<GatesNow> {
  const [first] = lanes;
  if (first === undefined) return { gates: [], unlisted: null, workers: [] };
  const queue = taskQueue(first);
  const rest = [...lanes];
  const views = new Map<Lane, GateNow['lane']>();
  const readNext = async () => {
    for (let lane = rest.shift(); lane !== undefined; lane = rest.shift()) {
      const state = await readLane(client, lane);
      views.set(lane, isUnavailable(state) ? state : laneView(state, Date.now()));
    }
  };
  const [{ running, unlisted }, workers] = await Promise.all([
    runningRuns(client, queue),
    workersOn(client, queue),
    ...Array.from({ length: AT_A_TIME }, readNext),
  ]);
  const gates = lanes.map((lane) => ({
    gate: gateOf(lane) ?? lane,
    lane: views.get(lane) ?? ('silent' as const),
    running: running.filter(({ workflowId }) => nullIfInvalid(() => laneOf(workflowId)) === lane),
  }));
  return { gates, unlisted, workers };
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
