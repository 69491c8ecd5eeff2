import {
  ActivityFailure,
  ApplicationFailure,
  CancellationScope,
  CancelledFailure,
  ChildWorkflowFailure,
  setCurrentDetails,
  setHandler,
  TimeoutFailure,
  upsertSearchAttributes,
  workflowInfo,
} from '@temporalio/workflow';
import { InvalidInput } from '../../src/contract/brand.js';
import { type Lane, laneOf } from '../../src/contract/ids.js';
import type { LaneState } from '../../src/contract/lane.js';
import { statusQuery } from '../../src/contract/messages.js';
import type { RefusedMove } from '../../src/contract/move.js';
import type { FailureType, ReleasePhase, ReleaseStatus, RunTimes } from '../../src/contract/release.js';
import * as attributes from '../../src/contract/search-attributes.js';
import type { Sha } from '../../src/contract/sha.js';
import { enterPhase, leavePhase } from '../../src/domain/phase-times.js';
import { runDetails } from '../../src/domain/run-details.js';
import { laneDetails } from '../../src/lane/details.js';

/** The lane this run belongs to. */
export const ownLane = (): Lane => laneOf(workflowInfo().workflowId);

/** Reads what started the run; the id has to be the one that belongs to it. Anything wrong ends the run as `ConfigInvalid`. */
export function readInput<T extends { sha: Sha }>(parse: () => T, idOf: (lane: Lane, sha: Sha) => string): T {
  try {
    const input = parse();
    const id = idOf(ownLane(), input.sha);
    if (id !== workflowInfo().workflowId)
      throw new InvalidInput(
        `workflow id ${workflowInfo().workflowId} does not belong to sha ${input.sha}: start it as ${id}`,
      );
    return input;
  } catch (error) {
    if (error instanceof InvalidInput) throw ApplicationFailure.nonRetryable(error.message, 'ConfigInvalid');
    throw error;
  }
}

/** The state of a run, answered by the query `status` from its first moment on. */
export function beginRun(input: { sha: Sha; requestedBy?: string }): ReleaseStatus {
  const since = new Date().toISOString();
  const state: ReleaseStatus = {
    sha: input.sha,
    phase: 'queued',
    since,
    phases: enterPhase([], since, since, { phase: 'queued' }),
    why: '',
    until: null,
    images: [],
    builds: [],
    tenants: [],
    hold: null,
    decided: null,
    moving: false,
    decisions: [],
    refusals: [],
  };
  setHandler(statusQuery, () => state, { description: 'Where it stands, and why' });
  upsertSearchAttributes([
    { key: attributes.CanarySha, value: input.sha },
    ...(input.requestedBy ? [{ key: attributes.CanaryRequestedBy, value: input.requestedBy }] : []),
  ]);
  return state;
}

/** @param forMs after how long this phase ends by itself, in milliseconds. */
export function setPhase(state: ReleaseStatus, phase: ReleasePhase, why: string, forMs?: number): void {
  const until = forMs === undefined ? null : new Date(Date.now() + forMs).toISOString();
  const since = new Date().toISOString();
  const phases = enterPhase(state.phases, state.since, since, { phase, ...(state.hold && { hold: state.hold.name }) });
  Object.assign(state, { phase, why, since, until, phases });
  updateDetails(state);
  upsertSearchAttributes([
    { key: attributes.CanaryPhase, value: phase },
    { key: attributes.CanaryPhaseSince, value: new Date() },
  ]);
}

/** Nothing more is begun once somebody aborted or cancelled. */
export function requireNotCancelled(): void {
  if (CancellationScope.current().consideredCancelled) throw new CancelledFailure('aborted');
}

/** A run's own no. */
export function failure(type: FailureType, message: string, details?: RefusedMove): ApplicationFailure {
  return ApplicationFailure.nonRetryable(message, type, ...(details ? [details] : []));
}

/** Fails an update, and nothing else: in words for whoever sent it. */
export function rejection(message: string, details?: RefusedMove): ApplicationFailure {
  return ApplicationFailure.nonRetryable(message, 'DecisionRefused', ...(details ? [details] : []));
}

/** The failure that lies under the layers Temporal puts around it (child, activity, application); users would read "Activity task failed". */
export function unwrapFailure(error: unknown): ApplicationFailure {
  if (error instanceof ApplicationFailure) return error;
  if (error instanceof ActivityFailure && error.cause instanceof TimeoutFailure && !error.cause.cause)
    return failure('TimedOut', `${error.activityType}: ${error.cause.message} (${error.cause.timeoutType})`);
  if (error instanceof TimeoutFailure && !error.cause) return failure('TimedOut', error.message);
  if (error instanceof ActivityFailure || error instanceof ChildWorkflowFailure || error instanceof TimeoutFailure)
    return unwrapFailure(error.cause);
  throw error;
}

/** What is said wrongly is refused: any other error would stop the lane for ever (protocol §7). */
export function parseOrReject<T>(read: (sent: unknown) => T, sent: unknown): T {
  try {
    return read(sent);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw rejection(`not understood: ${why}`);
  }
}

/** Keeps the run's page in the Temporal UI current; no command comes of it. */
export const updateDetails = (state: ReleaseStatus): void => setCurrentDetails(runDetails(state));
/** The same for the lane's page. */
export const updateLaneDetails = (state: LaneState): void => setCurrentDetails(laneDetails(state, Date.now()));

/** When this run began, and where its time went until now. */
export function timesOf({ phases, since }: ReleaseStatus): RunTimes {
  const ended = new Date().toISOString();
  return { started: workflowInfo().startTime.toISOString(), ended, phases: leavePhase(phases, since, ended) };
}
