import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setTimeout as delay } from 'node:timers/promises';
import { checkDriftId, moveLatestId, watchProductionId } from '../../src/contract/ids.js';
import { laneCommandUpdate } from '../../src/contract/messages.js';
import { CanaryPhase, CanaryWaitingFor } from '../../src/contract/search-attributes.js';
import { parseSha } from '../../src/contract/sha.js';
import { lastMove } from '../../src/lane/ledger.js';
import { findRun, isOpen } from '../../src/temporal/runs.js';
import { check } from '../checker/check.js';
import type { Evidence, Violation } from '../checker/evidence.js';
import type { Plan } from '../plan.js';
import type { Act, Step } from '../steps.js';
import { healAll, PLAYS } from './acts.js';
import { collect } from './collect.js';
import { decideHeld } from './people.js';
import type { Servers } from './servers.js';
import { ADA, type Stage, setStage } from './stage.js';

/** Longest wait for a moment of a step, in milliseconds: a scenario may move nothing. While a release is under way it is longer, for a loaded machine. */
const MOMENT_MS = 8_000;
const LONGEST_MOMENT_MS = 45_000;
/** Between two looks for the moment of a step, in milliseconds: a soak is ten times as long, and a question to a run costs CPU. */
const LOOK_MS = 50;
const ASK_MS = 250;
const STALL_MS = 20;
/** Time limit for the end of all runs after the last step, in milliseconds: leases, retries and lost workers. */
const CLOSED_MS = 240_000;
/** The same if moves wait as long as in production. */
const LONGEST_CLOSED_MS = 600_000;

export interface Played {
  /** What was done; of a step of the plan, whether it applied, in its moment. */
  acts: { at: number; what: string; act?: Act; isApplied?: boolean }[];
  evidence: Evidence;
  violations: Violation[];
  /** Longest time for which this process did nothing, in milliseconds: its tenants, its registry's proxy and its clock stood still. */
  stalledMs: number;
}

/** Plays a plan on a gate of its own, lets it end, and judges it. */
export async function play(servers: Servers, plan: Plan, dist: string): Promise<Played> {
  const stage = await setStage(servers, plan, dist);
  const acts: Played['acts'] = [];
  const results: [index: number, cameToPass: () => boolean][] = [];
  const stalls = monitorEventLoopDelay({ resolution: STALL_MS });
  stalls.enable();
  try {
    for (const step of plan.steps) {
      const isInTime = await momentOf(stage, step.after);
      const at = Date.now();
      // Some acts do not apply to what is now, and are refused.
      const { refused = '', result } = await PLAYS[step.act](stage, step.choice).then(
        (result) => ({ result, refused: undefined }),
        (error) => ({ result: undefined, refused: ` (${String(error).slice(0, 100)})` }),
      );
      const late = isInTime ? '' : ` (there was no ${String(step.after).slice(2)})`;
      const done = { at, act: step.act, what: `${step.act} ${step.choice}${late}${refused}` };
      acts.push({ ...done, isApplied: isInTime && refused === '' });
      if (typeof result === 'function') results.push([acts.length - 1, result as () => boolean]);
    }
    await healAll(stage, !plan.hasRealWaits);
    acts.push({ at: Date.now(), what: 'every fault is over' });
    for (const [index, cameToPass] of results) {
      const act = acts[index];
      if (act) act.isApplied = act.isApplied === true && cameToPass();
    }
    await allClosed(stage, plan.hasRealWaits ? LONGEST_CLOSED_MS : CLOSED_MS);
    const evidence = await collect(stage);
    return { acts, evidence, violations: check(evidence), stalledMs: Math.round(stalls.max / 1e6) };
  } finally {
    stalls.disable();
    await healAll(stage).catch(() => undefined);
    await endAll(stage).catch(() => undefined);
    await stage.stop();
  }
}

/** Waits for the moment of a step; false if it does not come. */
async function momentOf(stage: Stage, after: Step['after']): Promise<boolean> {
  if (typeof after === 'number') return delay(after, true);
  const from = Date.now();
  while (Date.now() - from < MOMENT_MS || (Date.now() - from < LONGEST_MOMENT_MS && (await isUnderWay(stage)))) {
    if (await isMoment(stage, after, from)) return true;
    await delay(after === 'a soak' || after === 'a hold' ? ASK_MS : LOOK_MS);
  }
  // It may have come between the two looks: a release that is held is not under way.
  return isMoment(stage, after, from);
}

function isMoment(stage: Stage, moment: Exclude<Step['after'], number>, from: number): boolean | Promise<boolean> {
  const { proxy } = stage.servers;
  if (moment === 'a soak') return isOneOf(stage, ({ phase }) => phase === 'soaking');
  if (moment === 'a hold') return isOneOf(stage, isHeld);
  return (moment === 'a move' ? proxy.touched() : proxy.written()) > from;
}

/** A run as its search attributes tell of it: a query would cost a worker CPU, and wait for one. */
interface RunNow {
  isOpen: boolean;
  phase?: string | undefined;
  /** Name of its hold, or `paused`. */
  waitsFor?: string | undefined;
}

/** What is known of a run now; undefined if the server does not answer. */
async function runNow({ client }: Servers, workflowId: string): Promise<RunNow | undefined> {
  const found = await findRun(client, workflowId).catch(() => undefined);
  if (!found) return found === null ? { isOpen: false } : undefined;
  const { typedSearchAttributes: attributes } = found;
  return { isOpen: isOpen(found), phase: attributes.get(CanaryPhase), waitsFor: attributes.get(CanaryWaitingFor) };
}

/** Whether one of the last runs is open, and like this. */
async function isOneOf({ servers, runs }: Stage, isLike: (run: RunNow) => boolean): Promise<boolean> {
  const found = await Promise.all(runs.slice(-3).map(({ workflowId }) => runNow(servers, workflowId)));
  return found.some((run) => run?.isOpen && isLike(run));
}

const isHeld = ({ waitsFor }: RunNow) => waitsFor !== undefined && waitsFor !== 'paused';

/** Whether one of the last releases goes on without a person. */
const isUnderWay = (stage: Stage) => isOneOf(stage, ({ waitsFor }) => waitsFor === undefined);

/** Resumes the lane, lifts its holds and aborts held runs until no run is open, or the time is over: then the checker says so. */
async function allClosed(stage: Stage, withinMs: number): Promise<void> {
  const { servers, lane, laneClient, runs } = stage;
  for (const deadline = Date.now() + withinMs; Date.now() < deadline; await delay(500)) {
    const ledger = (await laneClient.state().catch(() => null))?.ledger;
    const { pause, hold } = ledger ?? {};
    if (pause) await laneClient.update(laneCommandUpdate('resume'), ADA).catch(() => undefined);
    if (hold) await laneClient.update(laneCommandUpdate('unhold'), ADA).catch(() => undefined);
    const watches = stage.builds.map(({ sha }) => watchProductionId(lane, parseSha(sha)));
    // A stranger may have started a check for drift, which takes a moment.
    const others = [moveLatestId(lane), checkDriftId(lane), ...watches];
    const ids = [...new Set([...runs.map(({ workflowId }) => workflowId), ...others])];
    const found = await Promise.all(ids.map(async (id) => ({ id, run: await runNow(servers, id) })));
    // The lane starts the watch of its last move a moment later.
    const isWatched =
      stage.production.length === 0 || !ledger || (lastMove(ledger)?.at ?? '') <= (ledger.watchStartedFor ?? '');
    if (isWatched && found.every(({ run }) => run?.isOpen === false)) return;
    const held = found.flatMap(({ id, run }) => (run?.isOpen && isHeld(run) ? [id] : []));
    await decideHeld(stage, 'abort', new Set(held)).catch(() => undefined);
  }
}

/** Ends what goes on for as long as the gate: in a batch of runs the server would keep its timers. */
async function endAll({ servers: { client }, lane }: Stage): Promise<void> {
  const query = `WorkflowId STARTS_WITH '${lane}-' AND ExecutionStatus = 'Running'`;
  for await (const { workflowId, runId } of client.workflow.list({ query }))
    await client.workflow.getHandle(workflowId, runId).terminate('the run of chaos is over');
}
