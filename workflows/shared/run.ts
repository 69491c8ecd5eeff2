import {
  ApplicationFailure,
  CancellationScope,
  setCurrentDetails,
  setHandler,
  upsertSearchAttributes,
  workflowInfo,
} from '@temporalio/workflow';
import { InvalidInput } from '../../src/contract/brand.js';
import type { FailureType } from '../../src/contract/failures.js';
import { type Lane, laneOf } from '../../src/contract/ids.js';
import { statusQuery } from '../../src/contract/messages.js';
import type { ReleasePhase, ReleaseStatus, RunOutcome, RunTimes } from '../../src/contract/release.js';
import * as attributes from '../../src/contract/search-attributes.js';
import type { Sha } from '../../src/contract/sha.js';
import { enterPhase, leavePhase } from '../../src/domain/phase-times.js';
import { runDetails } from '../../src/domain/run-details.js';
import { type EventFeed, openFeed } from './events.js';

/** How a run ends: an outcome completes it, a failure type fails it. */
export interface RunEnd {
  outcome: RunOutcome | FailureType;
  why: string;
  /** Of the failure. */
  details?: unknown[];
}

/** What every release and rollback has. */
export interface RunContext {
  readonly state: ReleaseStatus;
  /** All that the run does; cancelled when something ends it. */
  readonly scope: CancellationScope;
  readonly feed: EventFeed;
  /** Set once it is decided how the run ends. An abort overrides all others. */
  end: RunEnd | null;
}

/** The lane this run belongs to. */
export const ownLane = (): Lane => laneOf(workflowInfo().workflowId);
export const ownRun = () => ({ workflowId: workflowInfo().workflowId, runId: workflowInfo().runId });

/** Parses what started the run, whose id must be the one of its sha. Anything invalid fails the run as `ConfigInvalid`. */
export function readInput<T extends { sha: Sha }>(parse: () => T, idOf: (lane: Lane, sha: Sha) => string): T {
  try {
    const input = parse();
    const id = idOf(ownLane(), input.sha);
    if (id === workflowInfo().workflowId) return input;
    throw new InvalidInput(
      `workflow id ${workflowInfo().workflowId} does not fit sha ${input.sha} (start it as ${id})`,
    );
  } catch (error) {
    if (error instanceof InvalidInput) throw ApplicationFailure.nonRetryable(error.message, 'ConfigInvalid');
    throw error;
  }
}

/** The state of a run, which the query `status` answers from the first moment on. */
export function beginRun(
  input: { sha: Sha; requestedBy?: string },
  phase: ReleasePhase,
  scope: CancellationScope,
): RunContext {
  const since = new Date().toISOString();
  const state: ReleaseStatus = {
    sha: input.sha,
    phase,
    since,
    phases: enterPhase([], since, since, { phase }),
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
  setHandler(statusQuery, () => state, { description: 'The phase of the run, and why' });
  upsertSearchAttributes([
    { key: attributes.CanarySha, value: input.sha },
    ...(input.requestedBy ? [{ key: attributes.CanaryRequestedBy, value: input.requestedBy }] : []),
  ]);
  return { state, scope, feed: openFeed(input.sha), end: null };
}

/** @param forMs the time after which this phase ends, in milliseconds, where it has a bound. */
export function setPhase({ state, feed }: RunContext, phase: ReleasePhase, why: string, forMs?: number): void {
  const until = forMs === undefined ? null : new Date(Date.now() + forMs).toISOString();
  const since = new Date().toISOString();
  const phases = enterPhase(state.phases, state.since, since, { phase, ...(state.hold && { hold: state.hold.name }) });
  if (phase !== state.phase || state.why === '') feed.emit({ type: 'phase-entered', phase, why });
  Object.assign(state, { phase, why, since, until, phases });
  updateDetails(state);
  upsertSearchAttributes([
    { key: attributes.CanaryPhase, value: phase },
    { key: attributes.CanaryPhaseSince, value: new Date() },
  ]);
}

/** Keeps the run's page in the Temporal UI current; no command comes of it. */
export const updateDetails = (state: ReleaseStatus): void => setCurrentDetails(runDetails(state));

/** Runs one phase after the other; each names the next. */
export async function runPhases<P extends string, R>(
  phases: Record<P, (run: R) => Promise<P | 'done'>>,
  first: P,
  run: R,
): Promise<void> {
  for (let phase: P | 'done' = first; phase !== 'done'; ) phase = await phases[phase](run);
}

/** Ends the run from inside a phase. */
export function finish(run: RunContext, end: RunEnd): 'done' {
  run.end ??= end;
  return 'done';
}

/** Ends the run from anywhere below a phase: what is under way is cancelled. */
export async function stopRun(run: RunContext, end: RunEnd): Promise<never> {
  run.end ??= end;
  run.scope.cancel();
  return CancellationScope.current().cancelRequested;
}

/** When this run began, and where its time went until now. */
export function timesOf({ phases, since }: ReleaseStatus): RunTimes {
  const ended = new Date().toISOString();
  return { started: workflowInfo().startTime.toISOString(), ended, phases: leavePhase(phases, since, ended) };
}
