import { isDeepStrictEqual } from 'node:util';
import { cancellationSignal, heartbeat, sleep } from '@temporalio/activity';
import { isGrpcServiceError } from '@temporalio/client';
import { nullIfInvalid } from '../../src/contract/brand.js';
import { moveLatestId, rollbackId, WORKFLOWS } from '../../src/contract/ids.js';
import type {
  HeldFor,
  HolderStatus,
  LaneRequest,
  LaneState,
  MoveReport,
  RollbackRequest,
  RunRef,
} from '../../src/contract/lane.js';
import { beginRollbackSignal, beginRollbackUpdate } from '../../src/contract/messages.js';
import { parseMoveInput, type TagState } from '../../src/contract/move.js';
import { CanaryOutcome, CanaryWaitingFor } from '../../src/contract/search-attributes.js';
import type { Sha } from '../../src/contract/sha.js';
import { parseRollbackInput } from '../../src/domain/inputs.js';
import { fieldsOf } from '../../src/domain/payloads/fields.js';
import { LEASE_MS } from '../../src/lane/moves.js';
import { parseMoveReport } from '../../src/lane/payloads/parse.js';
import { digestsOfMove } from '../../src/lane/rollback.js';
import { observeMoved } from '../../src/move/observe.js';
import { LANE_ANSWER_MS, LaneRefused } from '../../src/temporal/lane-client.js';
import { readMover } from '../../src/temporal/records/mover.js';
import { findRun, isOpen } from '../../src/temporal/runs.js';
import { startInput } from '../../src/temporal/start.js';
import { isOurs } from '../border/caller.js';
import type { ActivityDependencies } from '../dependencies.js';
import { ownRun, withHeartbeat } from '../heartbeat.js';
import { awaitEnd, LANE_POLL_MS, stateWithin } from '../waits.js';
import { configured, driftOf } from './check-drift.js';
import { COPY_MS, readCopies } from './ledger-copy.js';
import { type Continued, recoverLane } from './recover-lane.js';

/** How long a rollback waits for the lane, in milliseconds: it depends on nothing but the registry, Temporal and a worker. */
const KNOWN_BUILD_MS = 5_000;
/** The same for its announcement: longer than the lane takes to answer after its idle worker died (`STICKY_MS`). */
export const ANNOUNCE_MS = 5_000;

/** Pause before a lane that is silent is asked once more, in milliseconds: below the heartbeat time-out, and no burden for a loaded server. */
const SILENT_LANE_MS = 2_000;

/** Time in which a rollback that ended the mover of another one starts its own, in milliseconds: it waits for writes in flight first. */
const TAKE_OVER_MS = LEASE_MS + 3_000;

/** Calls of runs to the lane, and the activities of the lane itself. */
export function createLaneActivities(dependencies: ActivityDependencies) {
  const { client, config, registry, retryBudgetMs, lane: own } = dependencies;
  const { lane } = config;
  /** Passes if the lane does not know the run: it decides when the mover asks. One that does not answer decides nothing: then the mover's parent tells. */
  const requireNewestRollback = async (waitMs = 0) => {
    const position = await own.position(ownRun());
    if (position === null) await sleep(waitMs);
    if (position?.isSupersededRollback ?? (await isOvertaken()))
      throw new LaneRefused('another rollback was announced after this one', 'not-announced');
  };
  /** Whether the mover is, or was last, that of a rollback which was started after this one. */
  const isOvertaken = async (): Promise<boolean> => {
    const { workflowId, runId } = ownRun();
    const { workflowId: otherId, runId: otherRunId } =
      (await findRun(client, moveLatestId(lane)))?.parentExecution ?? {};
    if (!otherId || !otherRunId || otherRunId === runId) return false;
    const [mine, other] = await Promise.all([findRun(client, workflowId, runId), findRun(client, otherId, otherRunId)]);
    return isOurs(other, WORKFLOWS.rollback, lane) && (other?.startTime ?? 0) > (mine?.startTime ?? 0);
  };
  /** Passes if the lane does not answer: then there is no automatic rollback. */
  const requireUnmoved = async () => {
    const state = await own.state();
    // A person with crane may have come since the policy chose: what is refused before it is announced marks no build.
    const drift = state && (await driftOf(dependencies, state.ledger));
    if (drift !== null) throw new LaneRefused(drift, 'latest-moved');
  };
  return {
    /** Reads the status of a release with the lane. A lane that does not answer is asked again: silence is not a refusal. */
    async confirmHolder(request: LaneRequest): Promise<HolderStatus> {
      for (let tries = 0; ; tries += 1) {
        const position = await own.position(request);
        if (position && (position.isHeld || position.result !== null || tries > 4)) return position.status;
        if (tries % 5 === 0) await own.joinQueue(request);
        heartbeat();
        await sleep(tries < 5 ? LANE_POLL_MS : SILENT_LANE_MS);
      }
    },

    /** Digests that the newest move of a build left at `:latest`; null if the lane does not know them, or does not answer within 5 s. */
    knownBuild: (sha: Sha): Promise<TagState[] | null> =>
      withHeartbeat(async () => {
        const state = await stateWithin(own, KNOWN_BUILD_MS);
        return state && digestsOfMove(state, sha);
      }),

    /**
     * Announces a rollback, so that nothing else moves. A lane that does not answer within 5 s gets a signal, which it reads
     * when it is back; an automatic rollback waits longer, and is refused. So it is if `:latest` is not where the last move left it.
     * @returns how long a write of another mover may still be in flight, in milliseconds; null if the lane did not answer.
     * @throws {LaneRefused} without `force`, if the target is known-bad (rolled back from, or rejected by canary), or was never promoted.
     */
    announceRollback: (request: Omit<RollbackRequest, keyof RunRef>): Promise<number | null> =>
      withHeartbeat(async () => {
        const announcement = { ...request, ...ownRun() };
        if (request.onlyFrom) await requireUnmoved();
        // An automatic one does not begin without an answer.
        const waitMs = request.onlyFrom ? LANE_ANSWER_MS : ANNOUNCE_MS;
        for (const deadline = performance.now() + waitMs; ; await sleep(LANE_POLL_MS))
          try {
            return (await own.update(beginRollbackUpdate, announcement)) ?? LEASE_MS;
          } catch (error) {
            if (error instanceof LaneRefused) throw error;
            if (performance.now() < deadline) continue;
            if (request.onlyFrom)
              throw new LaneRefused('no automatic rollback without an answer of the lane', 'lane-unavailable');
            await own.signal(beginRollbackSignal, announcement);
            return null;
          }
      }),

    /** What an announced rollback is: a running one of this gate that was started so, one that has ended, or none. */
    async findRollback(request: RollbackRequest): Promise<'running' | 'ended' | 'none'> {
      const { workflowId, runId, sha } = request;
      const run = workflowId === rollbackId(lane, sha) ? await findRun(client, workflowId, runId) : null;
      if (run === null || !isOurs(run, WORKFLOWS.rollback, lane)) return 'none';
      // An abort is taken only before anything moves.
      if (run.typedSearchAttributes.get(CanaryOutcome) === 'CanaryAborted') return 'none';
      const isRunning = isOpen(run);
      const started = await startInput(client, workflowId, runId).catch((error: unknown) => {
        // One that had an input that cannot be read has ended for it. Another worker may have the key of one that runs.
        if (isRunning || isGrpcServiceError(error)) throw error;
        return null;
      });
      if (!wasOrdered(request, started, run.memo?.forced)) return 'none';
      return isRunning ? 'running' : 'ended';
    },

    /** Run ids of those that wait, in the queue or in a hold, and are no running releases of this gate, or not in that hold. */
    findGone: (waiting: (RunRef & Partial<HeldFor>)[]): Promise<string[]> =>
      withHeartbeat(async () => {
        const isWaiting = async ({ workflowId, runId, hold }: (typeof waiting)[number]) => {
          const run = await findRun(client, workflowId, runId);
          if (run === null || !isOurs(run, WORKFLOWS.release, lane) || !isOpen(run)) return false;
          return hold === undefined || run.typedSearchAttributes.get(CanaryWaitingFor) === hold;
        };
        const found = await Promise.all(waiting.map(isWaiting));
        return waiting.flatMap(({ runId }, index) => (found[index] ? [] : [runId]));
      }),

    /** Whether a report is one that a mover of this gate sent, word for word, about the move that it was told to make. */
    async findMover(report: MoveReport): Promise<boolean> {
      const { moverRunId, parent } = report;
      const workflowId = moveLatestId(lane);
      const run = await findRun(client, workflowId, moverRunId);
      if (run === null || !isOurs(run, WORKFLOWS.move, lane)) return false;
      if (run.parentExecution?.runId !== parent.runId || run.parentExecution.workflowId !== parent.workflowId)
        return false;
      const { input, reports } = await readMover(client, { workflowId, runId: moverRunId });
      if (!isDeepStrictEqual(parseMoveInput(input), report.input)) return false;
      return reports.some((sent) => isDeepStrictEqual(parseMoveReport(sent), report));
    },

    /** Terminates the mover of another run that does not end within `forMs`; its lease has expired by then.
     * @throws {LaneRefused} if another rollback was announced since; its mover is not touched. */
    async endMover(forMs: number): Promise<void> {
      await withHeartbeat(async () => {
        await requireNewestRollback();
        const mover = await findRun(client, moveLatestId(lane));
        if (!mover || !isOpen(mover)) return;
        const handle = client.workflow.getHandle(mover.workflowId, mover.runId, { followRuns: false });
        const ended = await Promise.race([awaitEnd(handle).then(() => true), sleep(forMs).then(() => false)]);
        if (ended) return;
        await requireNewestRollback();
        await handle.terminate('a rollback takes over').catch(() => undefined);
        // One that the lane did not answer gave itself its last lease: a write of it may be in flight.
        const { input } = await readMover(client, { workflowId: mover.workflowId, runId: mover.runId });
        if (fieldsOf(input).laneUnavailable === true) await sleep(LEASE_MS);
      });
    },

    /** Confirms that no later rollback was announced.
     * @throws {LaneRefused} if one was. */
    requireLastRollback: (): Promise<void> => withHeartbeat(() => requireNewestRollback(TAKE_OVER_MS)),

    /**
     * Recovers the state of the last lane; `isCarried`: whether this run began with the state of the one before it.
     * `unread`: that state, if a copy in the registry could not be read for it.
     */
    recoverLane: (isCarried = false, unread: LaneState | null = null): Promise<LaneState | Continued | null> =>
      withHeartbeat(() =>
        recoverLane(client, lane, { isCarried, unread }, (isPatient) =>
          readCopies(dependencies, isPatient ? Math.min(COPY_MS, retryBudgetMs.registry) : 0),
        ),
      ),

    /** Reads `:latest` again after a move: the images that are not where the move left them, and where they are. */
    reread: (expected: TagState[]): Promise<TagState[]> =>
      withHeartbeat(() => observeMoved(registry, configured(config, expected), cancellationSignal())),
  };
}

/** Whether a rollback was started with what its announcement says, or forced with it since. */
function wasOrdered({ sha, force, by, reason }: RollbackRequest, started: unknown, forced: unknown): boolean {
  const input = nullIfInvalid(() => parseRollbackInput(started));
  if (input?.sha !== sha) return false;
  const isStarted =
    by === (input.requestedBy ?? 'unknown') && reason === input.reason && (!force || input.force === true);
  const since = fieldsOf(forced);
  return isStarted || (force && since.by === by && since.reason === reason);
}
