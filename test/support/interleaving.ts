import { setTimeout as delay } from 'node:timers/promises';
import { moveLatestId, parseRunId } from '../../src/contract/ids.js';
import { laneCommandUpdate } from '../../src/contract/messages.js';
import { sameBuild } from '../../src/contract/sha.js';
import { LEASE_MS } from '../../src/lane/moves.js';
import { awaitRunEnd, findRun, queryStatus } from '../../src/temporal/runs.js';
import type { MemoryRegistry } from '../../testbed/memory-registry.js';
import { digestOf } from '../../testbed/registry-store.js';
import { ada } from './decisions.js';
import type { Gate } from './gate.js';
import { ACTS, type Build, newBuild, type Stage, sayToHeld, type What } from './interleaving-steps.js';
import { laneState } from './lanes.js';
import { isPut } from './latest.js';
import { until } from './until.js';

/** In what time everything has ended once people have said all they can: leases, lag and a worker that is gone are in it. */
const CLOSED_MS = 150_000;
const PROMOTED_MS = 90_000;

export interface Step {
  what: What;
  choice: number;
  /** Before it, in milliseconds; or until something of ours moves, if it does so soon. */
  gap: number | 'a move';
}

const OFTEN: What[] = ['green', 'green', 'green', 'green with approval', 'roll back', 'roll back', 'again', 'approve'];
const GAPS: Step['gap'][] = [0, 0, 50, 200, 500, 1_500, 'a move', 'a move'];
const MOVE_MS = 8_000;

/** 6 to 10 steps, the same ones for the same seed. */
export function stepsOf(seed: number): Step[] {
  const next = numbersOf(seed);
  const oneOf = <T>(list: readonly T[]) => list[next() % list.length] as T;
  const all = [...OFTEN, ...(Object.keys(ACTS) as What[])];
  return Array.from({ length: 6 + (next() % 5) }, (_, index) => ({
    // Nothing comes of nothing.
    what: index === 0 ? 'green' : oneOf(all),
    choice: next() % 1_000,
    gap: oneOf(GAPS),
  }));
}

/** Mulberry32: whole numbers below 2^32. */
function numbersOf(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return (mixed ^ (mixed >>> 14)) >>> 0;
  };
}

/** Does the steps of a seed, has people end what waits for them, and fails when anything is wrong then.
 * @returns what was done, and how each run ended. */
export async function play(gate: Gate, registry: MemoryRegistry, seed: number): Promise<string[]> {
  const stage: Stage = { gate, builds: [], runs: [] };
  const old = await newBuild(stage);
  await patiently(() => gate.laneClient.update(laneCommandUpdate('resume'), ada));
  await patiently(() => gate.setLatest(old.sha));
  old.isNamed = true;
  const earlier = registry.requests.length;
  const steps = stepsOf(seed);
  const done: string[] = [];
  const fleet = followHolder(stage);
  const began = Date.now();
  try {
    for (const { what, choice, gap } of steps) {
      await (gap === 'a move' ? untilMoving(gate) : delay(gap));
      // Much of it makes no sense where it comes, and is refused.
      const refused = await ACTS[what](stage, choice).then(() => '', String);
      done.push(`+${gap}: ${what} ${choice}${refused && ` (${refused.slice(0, 90)})`}`);
    }
    const holds = await allClosed(stage);
    done.push(`closed after ${Date.now() - began} ms`);
    const facts = await Promise.all(stage.runs.map(factsOf));
    done.push(
      ...facts.map(
        ({ sha, outcome, why, movers }) => `${sha.slice(0, 7)} ${outcome}, ${movers} movers: ${why.slice(0, 150)}`,
      ),
    );
    const puts = registry.requests.slice(earlier).filter(isOurs(gate));
    const wrong = [...(await whatIsWrong(stage, { steps, holds, puts, facts })), ...(await freshBuildFails(stage))];
    done.push(`${puts.length} writes; over after ${Date.now() - began} ms`);
    if (wrong.length > 0) throw new Error(wrong.join('\n'));
    return done;
  } catch (error) {
    await endAll(stage);
    throw new Error(`seed ${seed}: ${error instanceof Error ? error.message : error}\n${done.join('\n')}`);
  } finally {
    await fleet.stop();
  }
}

/** Nothing need ever move: that is no fault. */
const untilMoving = ({ laneClient }: Gate) =>
  until('something moves', async () => (await laneClient.state())?.move, MOVE_MS).catch(() => undefined);

/** The canaries run what the holder of the lane tests, as if they followed its tag. */
function followHolder({ gate, builds }: Stage): { stop(): Promise<void> } {
  let isOver = false;
  let runs = '';
  const follow = async () => {
    while (!isOver) {
      const holder = (await gate.laneClient.state().catch(() => null))?.holder;
      const build = builds.find(({ sha }) => sha === holder?.sha);
      if (build && build.sha !== runs)
        gate.deploy({ sha: build.sha, ...(build.isRed && { misbehave: 'empty-subsystems' }) });
      runs = build?.sha ?? runs;
      await delay(200);
    }
  };
  const following = follow();
  return {
    stop: () => {
      isOver = true;
      return following;
    },
  };
}

/** Resumes, lifts holds and aborts what is held until no run is open; the names of the lane's holds that were seen. */
async function allClosed(stage: Stage): Promise<Set<string>> {
  const { gate, runs } = stage;
  const holds = new Set<string>();
  const mover = moveLatestId(gate.lane);
  for (const deadline = Date.now() + CLOSED_MS; ; await delay(300)) {
    const hold = (await gate.laneClient.state())?.ledger.hold;
    if (hold) holds.add(hold.name);
    for (const command of ['resume', 'unhold'] as const)
      await gate.laneClient.update(laneCommandUpdate(command), ada).catch(() => undefined);
    await sayToHeld(stage, 'abort');
    const found = await Promise.all(
      [...runs, { workflowId: mover, firstExecutionRunId: undefined }].map(({ workflowId, firstExecutionRunId }) =>
        findRun(gate.client, workflowId, firstExecutionRunId),
      ),
    );
    const open = found.flatMap((run) => (run?.status.name === 'RUNNING' ? [run.workflowId] : []));
    if (open.length === 0) return holds;
    if (Date.now() < deadline) continue;
    const where = open.map(async (id) => {
      const status = await queryStatus(gate.client, id);
      return `${id} is open: ${status?.phase}, ${status?.why}`;
    });
    throw new Error(`${(await Promise.all(where)).join('\n')}\nthe lane: ${JSON.stringify(await laneNow(gate))}`);
  }
}

async function laneNow({ laneClient }: Gate) {
  const { ledger, ...state } = (await laneClient.state()) ?? { ledger: null };
  return { ...state, hold: ledger?.hold, pause: ledger?.pause, left: ledger?.expectedLatest };
}

type Put = MemoryRegistry['requests'][number];
const isOurs =
  ({ repositories }: Gate) =>
  (request: Put) =>
    request.status === 201 && repositories.some((repository) => isPut(repository)(request));

interface Outcome {
  steps: Step[];
  /** The lane's holds that were seen. */
  holds: Set<string>;
  puts: Put[];
  facts: Awaited<ReturnType<typeof factsOf>>[];
}

async function whatIsWrong(stage: Stage, { steps, holds, puts, facts }: Outcome): Promise<string[]> {
  const { gate, builds } = stage;
  const did = (...acts: What[]) => steps.some(({ what }) => acts.includes(what));
  const wrong: string[] = [];
  const buildAt = (digest: string | undefined) => builds.find(({ digests }) => digests.includes(digest ?? ''))?.sha;

  const latest = await gate.latest();
  const isSplit = new Set(latest.map(buildAt)).size > 1;
  const isTold = facts.some(({ outcome }) => outcome === 'PairSplit') || holds.has('pair-split');
  // Who terminates both the run and its mover has ended all who could tell.
  const nobodyLeft = did('terminate the mover') && did('terminate a run', 'cancel a run', 'roll back');
  if (isSplit && !isTold && !nobodyLeft)
    wrong.push(`:latest is split: ${latest.map(buildAt).join(', ')}, and nobody said so`);

  const isTested = ({ sha, isRed }: Build) =>
    !isRed && facts.some((run) => sameBuild(run.sha, sha) && run.smoked >= gate.tenants.length);
  for (const { body } of puts) {
    const build = builds.find(({ digests }) => digests.includes(digestOf(body)));
    if (!build || !(build.isNamed || isTested(build)))
      wrong.push(`:latest was put to ${build?.sha}, which was never green`);
  }
  // What was rolled back from stays off, once nothing of its mover can be on its way.
  const { ledger } = await laneState(gate);
  for (const { sha, since, digests } of ledger.knownBad)
    if (puts.some(({ at, body }) => at > Date.parse(since) + LEASE_MS && digests.some((one) => one === digestOf(body))))
      wrong.push(`:latest was put to ${sha} long after it was rolled back from`);
  // A try that is begun again goes on with its pair; one that fails puts back.
  const more = steps.filter(({ what }) => what === 'restart the worker').length;
  const movers = facts.reduce(
    (sum, { movers: own, outcome }) => sum + own * (/Failed|Split/.test(outcome) ? 2 : 1),
    more,
  );
  if (puts.length > 2 * movers) wrong.push(`${puts.length} writes of ${movers} movers`);

  if (!did('terminate the mover', 'terminate the lane', 'restart the worker', 'adopt')) {
    const left = ledger.expectedLatest?.images.map(({ digest }) => digest);
    if (`${left}` !== `${latest}`)
      wrong.push(`the ledger has ${left?.map((one) => buildAt(one ?? ''))}, :latest is ${latest.map(buildAt)}`);
  }

  return wrong;
}

/** The lane is alive. */
async function freshBuildFails(stage: Stage): Promise<string[]> {
  const { gate } = stage;
  await patiently(() => gate.adopt());
  const fresh = await newBuild(stage);
  const handle = await gate.release({ sha: fresh.sha });
  stage.runs.push(handle);
  const last = await Promise.race([
    awaitRunEnd(handle).then(({ report }) => report?.outcome),
    delay(PROMOTED_MS, 'open', { ref: false }),
  ]);
  if (last === 'promoted') return [];
  const status = await queryStatus(gate.client, handle.workflowId);
  const lane = JSON.stringify(await laneNow(gate));
  return [`a fresh green build is ${last}: ${status?.phase}, ${status?.why}; the lane: ${lane}`];
}

/** What a closed run did. */
async function factsOf(handle: Stage['runs'][number]) {
  const { client, workflowId, firstExecutionRunId } = handle;
  const run = client.getHandle(workflowId, firstExecutionRunId, { followRuns: false });
  const [end, { events }] = await Promise.all([awaitRunEnd(run), run.fetchHistory()]);
  const smokes = new Set(
    events?.flatMap(({ activityTaskScheduledEventAttributes: scheduled, eventId }) =>
      scheduled?.activityType?.name === 'smokeTenant' ? [`${eventId}`] : [],
    ),
  );
  return {
    outcome: end.report?.outcome ?? ('outcome' in end ? end.outcome : ''),
    why: end.report?.why ?? ('why' in end ? end.why : ''),
    // One that was terminated leaves no report, and yet its mover ends what it began.
    sha: end.report?.sha ?? parseRunId(workflowId).sha,
    smoked:
      events?.filter(({ activityTaskCompletedEventAttributes: done }) => smokes.has(`${done?.scheduledEventId}`))
        .length ?? 0,
    movers: events?.filter(({ childWorkflowExecutionStartedEventAttributes: child }) => child).length ?? 0,
  };
}

/** A lane that was just ended takes a moment to be there again. */
const patiently = (say: () => Promise<unknown>) =>
  until(
    'the lane takes it',
    () =>
      say().then(
        () => true,
        () => false,
      ),
    60_000,
  );

/** What is left of a seed that failed must not fail the next one. */
async function endAll({ gate, runs }: Stage): Promise<void> {
  const mover = gate.client.workflow.getHandle(moveLatestId(gate.lane));
  for (const run of [...runs, mover]) await run.terminate('its seed has failed').catch(() => undefined);
}
