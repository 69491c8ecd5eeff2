import { setTimeout as delay } from 'node:timers/promises';
import { defaultPayloadConverter } from '@temporalio/common';
import { tsToMs } from '@temporalio/common/lib/time.js';
import { moveLatestId, parseRunId } from '../../src/contract/ids.js';
import { laneCommandUpdate } from '../../src/contract/messages.js';
import type { MoveInput } from '../../src/contract/move.js';
import type { ReleaseReport } from '../../src/contract/release.js';
import { sameBuild } from '../../src/contract/sha.js';
import { LEASE_MS } from '../../src/lane/moves.js';
import { awaitRunEnd, findRun, queryStatus } from '../../src/temporal/runs.js';
import type { MemoryRegistry } from '../../testbed/memory-registry.js';
import { digestOf } from '../../testbed/registry-store.js';
import { numbersOf } from '../../testbed/seeded-numbers.js';
import { ada } from './decisions.js';
import type { Gate } from './gate.js';
import { ACTS, type Build, decideHeld, newBuild, type Stage, type What } from './interleaving-steps.js';
import { laneState } from './lanes.js';
import { isPut } from './latest.js';
import { until } from './until.js';

/** Time limit for the end of all runs after the last decision, in milliseconds: it covers leases, lag and a lost worker. */
const CLOSED_MS = 150_000;
const PROMOTED_MS = 90_000;

export interface Step {
  what: What;
  choice: number;
  /** Pause before the step, in milliseconds; it ends early if a mover of the gate starts. */
  gap: number | 'a move';
}

const OFTEN: What[] = ['green', 'green', 'green', 'green with approval', 'roll back', 'roll back', 'again', 'approve'];
const GAPS: Step['gap'][] = [0, 0, 50, 200, 500, 1_500, 'a move', 'a move'];
const MOVE_MS = 8_000;

/** Steps of a seed: 6 to 10, always the same ones. */
export function stepsOf(seed: number): Step[] {
  const next = numbersOf(seed);
  const oneOf = <T>(list: readonly T[]) => list[next() % list.length] as T;
  const all = [...OFTEN, ...(Object.keys(ACTS) as What[])];
  return Array.from({ length: 6 + (next() % 5) }, (_, index) => ({
    // The first step releases a build: most other steps need one.
    what: index === 0 ? 'green' : oneOf(all),
    choice: next() % 1_000,
    gap: oneOf(GAPS),
  }));
}

/** What the seeds of one lane share. */
export type Lane = Pick<Stage, 'gate' | 'registry' | 'network'>;

/** Runs the steps of a seed, ends every hold, and fails if a check of the final state fails.
 * @returns the steps, and the outcome of each run. */
export async function play({ gate, registry, network }: Lane, seed: number): Promise<string[]> {
  const stage: Stage = { gate, registry, network, builds: [], runs: [], aways: [], fixes: [] };
  const old = await newBuild(stage);
  await withRetries(() => gate.laneClient.update(laneCommandUpdate('resume'), ada));
  await withRetries(() => gate.setLatest(old.sha));
  old.isNamed = true;
  const earlier = registry.requests.length;
  const steps = stepsOf(seed);
  const done: string[] = [];
  const fleet = followHolder(stage);
  const began = Date.now();
  try {
    for (const { what, choice, gap } of steps) {
      await (gap === 'a move' ? untilMoving(gate) : delay(gap));
      // Many steps do not apply to the current state, and are refused.
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

/** Waits for a mover; returns after the time limit, because a scenario may move nothing. */
const untilMoving = ({ laneClient }: Gate) =>
  until('something moves', async () => (await laneClient.state())?.move, MOVE_MS).catch(() => undefined);

/** Makes the canaries run the build that the holder of the lane tests, as if they followed its tag. */
function followHolder({ gate, builds, aways }: Stage): { stop(): Promise<void> } {
  let isOver = false;
  const isAway = (name: string) => aways.some(({ tenant, to }) => tenant === name && to > Date.now());
  const follow = async () => {
    while (!isOver) {
      const holder = (await gate.laneClient.state().catch(() => null))?.holder;
      const build = builds.find(({ sha }) => sha === holder?.sha);
      for (const tenant of gate.tenants)
        if (build && tenant.sha() !== build.sha && !isAway(tenant.name))
          tenant.run({ sha: build.sha, ...(build.isRed && { misbehave: 'empty-subsystems' }) });
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

/** Resumes the lane, lifts its holds and aborts held runs until no run is open. Returns the names of the holds of the lane. */
async function allClosed(stage: Stage): Promise<Set<string>> {
  const { gate, runs } = stage;
  const holds = new Set<string>();
  const mover = moveLatestId(gate.lane);
  for (const deadline = Date.now() + CLOSED_MS; ; await delay(300)) {
    const hold = (await gate.laneClient.state())?.ledger.hold;
    if (hold) holds.add(hold.name);
    for (const command of ['resume', 'unhold'] as const)
      await gate.laneClient.update(laneCommandUpdate(command), ada).catch(() => undefined);
    await decideHeld(stage, 'abort');
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
  /** Names of the holds that the lane had. */
  holds: Set<string>;
  puts: Put[];
  facts: Facts[];
}

async function whatIsWrong(stage: Stage, { steps, holds, puts, facts }: Outcome): Promise<string[]> {
  const { gate, builds } = stage;
  const did = (...acts: What[]) => steps.some(({ what }) => acts.includes(what));
  const wrong: string[] = [];
  const buildAt = (digest: string | undefined) => builds.find(({ digests }) => digests.includes(digest ?? ''))?.sha;

  const latest = await gate.latest();
  const isSplit = new Set(latest.map(buildAt)).size > 1;
  const isReported = facts.some(({ outcome }) => outcome === 'PairSplit') || holds.has('pair-split');
  // If both the run and its mover were terminated, no workflow is left to report the split.
  const noReporter = did('terminate the mover') && did('terminate a run', 'cancel a run', 'roll back');
  if (isSplit && !isReported && !noReporter)
    wrong.push(`:latest is split: ${latest.map(buildAt).join(', ')}, and no report says so`);

  const isTested = ({ sha, isRed }: Build) =>
    !isRed && facts.some((run) => sameBuild(run.sha, sha) && run.smoked >= gate.tenants.length);
  for (const { body } of puts) {
    const build = builds.find(({ digests }) => digests.includes(digestOf(body)));
    if (!build || !(build.isNamed || isTested(build)))
      wrong.push(`:latest was put to ${build?.sha}, which was never green`);
  }
  wrong.push(...unwatched(stage, facts), ...overwritten(stage, puts, facts));
  // A known-bad build must not be at `:latest` once its mover can no longer write, unless a person puts it there.
  const { ledger } = await laneState(gate);
  for (const { sha, since, digests } of ledger.knownBad)
    if (
      puts.some(
        (put) =>
          put.at > Date.parse(since) + LEASE_MS &&
          digests.some((one) => one === digestOf(put.body)) &&
          !stage.fixes.some(({ from, at }) => put.at >= from && put.at <= at),
      )
    )
      wrong.push(`:latest was put to ${sha} long after it was rolled back from`);
  // A retried attempt continues with its pair; a failed one restores the old pair.
  const more = steps.filter(({ what }) => ['restart the worker', 'outage', 'lose answers'].includes(what)).length * 2;
  const movers = facts.reduce(
    (sum, { movers: own, outcome }) => sum + own * (/Failed|Split/.test(outcome) ? 2 : 1),
    more,
  );
  if (puts.length > 2 * movers) wrong.push(`${puts.length} writes of ${movers} movers`);

  if (!did('terminate the mover', 'terminate the lane', 'restart the worker', 'adopt', 'outage')) {
    const left = ledger.expectedLatest?.images.map(({ digest }) => digest);
    if (`${left}` !== `${latest}`)
      wrong.push(`the ledger has ${left?.map((one) => buildAt(one ?? ''))}, :latest is ${latest.map(buildAt)}`);
  }

  return wrong;
}

/** Time that a canary may be away at the edge of a stretch: two rounds of probes, on a loaded machine. */
const EDGE_MS = 1_500;

/** Promotions whose proof says that every canary was on the build while one was away. */
function unwatched({ aways }: Stage, facts: Facts[]): string[] {
  return facts.flatMap(({ sha, outcome, isManual, movers, watched }) => {
    // A build that is live already moves nothing.
    if (outcome !== 'promoted' || isManual || movers === 0) return [];
    if (!watched) return [`${sha} was promoted without a proof`];
    const [from, until] = [Date.parse(watched.from), Date.parse(watched.until)];
    const gone = aways.filter((away) => Math.min(away.to, until) - Math.max(away.from, from) > EDGE_MS);
    return gone.map(
      ({ tenant }) => `${sha} was promoted although ${tenant} was away between ${watched.from} and ${watched.until}`,
    );
  });
}

/** Writes over a fix that a person made during an outage, by a mover that began before it. */
function overwritten({ fixes }: Stage, puts: Put[], facts: Facts[]): string[] {
  return fixes.flatMap(({ at, build, hasMoved }) => {
    // A rollback that was requested before cannot see it.
    if (!hasMoved) return [];
    // Nor can it tell a return to what it leaves from a read that lags (docs/protocol.md, The move): it goes on to its target.
    const goesOn = new Set(
      facts.flatMap(({ rollbacks }) =>
        rollbacks.flatMap((images) =>
          images.every(({ from, to }) => build.digests.some((digest) => digest === from || digest === to))
            ? images.map(({ to }) => to)
            : [],
        ),
      ),
    );
    // A mover that began since may write its build, or restore what it found.
    const since = facts.flatMap(({ moverStarts }) => moverStarts.filter((start) => start > at));
    const over = puts.filter(
      ({ at: time, body }) =>
        time > at && time < Math.min(...since) && ![...build.digests, ...goesOn].includes(digestOf(body)),
    );
    const when = new Date(at).toISOString();
    return over.length === 0 ? [] : [`${over.length} writes over the fix to ${build.sha} of ${when} by an older mover`];
  });
}

/** Problems of the lane after the scenario: a new GREEN build must be promoted. */
async function freshBuildFails(stage: Stage): Promise<string[]> {
  const { gate } = stage;
  await withRetries(() => gate.adopt());
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
  return [`a new GREEN build is ${last}: ${status?.phase}, ${status?.why}; the lane: ${lane}`];
}

type Facts = Awaited<ReturnType<typeof factsOf>>;

/** Outcome of a closed run. */
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
    watched: (end.report as Partial<ReleaseReport> | null | undefined)?.watched,
    isManual: (end.report as Partial<ReleaseReport> | null | undefined)?.promoteOnly === true,
    // A terminated run has no report, but its mover completes the move.
    sha: end.report?.sha ?? parseRunId(workflowId).sha,
    smoked:
      events?.filter(({ activityTaskCompletedEventAttributes: done }) => smokes.has(`${done?.scheduledEventId}`))
        .length ?? 0,
    movers: events?.filter(({ childWorkflowExecutionStartedEventAttributes: child }) => child).length ?? 0,
    /** Images of each rollback that the run started. */
    rollbacks: (events ?? []).flatMap(({ startChildWorkflowExecutionInitiatedEventAttributes: child }) => {
      const [input] = child?.input?.payloads ?? [];
      const move = input && defaultPayloadConverter.fromPayload<MoveInput>(input);
      return move?.kind === 'rollback' ? [move.images] : [];
    }),
    moverStarts: (events ?? []).flatMap(({ childWorkflowExecutionStartedEventAttributes: child, eventTime }) =>
      child ? [tsToMs(eventTime)] : [],
    ),
  };
}

/** Queries the lane, with retries: a lane that just ended takes a moment to start again. */
const withRetries = (say: () => Promise<unknown>) =>
  until(
    'the lane takes it',
    () =>
      say().then(
        () => true,
        () => false,
      ),
    60_000,
  );

/** Ends the runs of a failed seed, so that they do not fail the next one. */
async function endAll({ gate, runs }: Stage): Promise<void> {
  const mover = gate.client.workflow.getHandle(moveLatestId(gate.lane));
  for (const run of [...runs, mover]) await run.terminate('its seed has failed').catch(() => undefined);
}
