import type { Client } from '@temporalio/client';
import { nullIfInvalid } from '../contract/brand.js';
import { gateOf, type Lane, laneOf, taskQueue, WORKFLOWS } from '../contract/ids.js';
import { type LaneView, laneView } from '../lane/view.js';
import type { LaneUnavailable } from './lane-client.js';
import { isUnavailable, readLane } from './lane-view.js';
import { type ListedRun, toListedRun } from './overview.js';
import { tolerantOf } from './payloads/tolerant.js';
import { workersOn } from './pollers.js';

/** One of several gates, as one line shows it. */
export interface GateNow {
  gate: string;
  lane: LaneView | LaneUnavailable;
  running: ListedRun[];
}

/** All gates of one set of workers. */
export interface GatesNow {
  gates: GateNow[];
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
  if (first === undefined) return { gates: [], workers: [] };
  const queue = taskQueue(first);
  const rest = [...lanes];
  const views = new Map<Lane, GateNow['lane']>();
  const readNext = async () => {
    for (let lane = rest.shift(); lane !== undefined; lane = rest.shift()) {
      const state = await readLane(client, lane);
      views.set(lane, isUnavailable(state) ? state : laneView(state, Date.now()));
    }
  };
  const [running, workers] = await Promise.all([
    runningRuns(client, queue),
    workersOn(client, queue),
    ...Array.from({ length: AT_A_TIME }, readNext),
  ]);
  const gates = lanes.map((lane) => ({
    gate: gateOf(lane) ?? lane,
    lane: views.get(lane) ?? ('silent' as const),
    running: running.filter(({ workflowId }) => nullIfInvalid(() => laneOf(workflowId)) === lane),
  }));
  return { gates, workers };
}

async function runningRuns(client: Client, queue: string): Promise<ListedRun[]> {
  const query = `TaskQueue = '${queue}' AND ExecutionStatus = 'Running' AND WorkflowType IN ('${WORKFLOWS.release}', '${WORKFLOWS.rollback}')`;
  const runs: ListedRun[] = [];
  for await (const run of tolerantOf(client).list({ query })) if (runs.push(toListedRun(run)) === MAX_RUNS) break;
  return runs;
}
