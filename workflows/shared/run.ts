import type { SearchAttributeUpdatePair } from '@temporalio/common';
import { CancellationScope, setCurrentDetails, upsertSearchAttributes, workflowInfo } from '@temporalio/workflow';
import { InvalidInput } from '../../src/contract/brand.js';
import type { FailureType } from '../../src/contract/failures.js';
import type { Lane } from '../../src/contract/ids.js';
import { statusQuery } from '../../src/contract/messages.js';
import type { Plan, ReleasePhase, ReleaseStatus, RunOutcome, RunTimes } from '../../src/contract/release.js';
import * as attributes from '../../src/contract/search-attributes.js';
import type { Sha } from '../../src/contract/sha.js';
import type { Slug } from '../../src/contract/tenants/added.js';
import { enterPhase, leavePhase } from '../../src/domain/phase-times.js';
import { runDetails } from '../../src/domain/run-details.js';
import { type EventFeed, openFeed } from './events.js';
import { failure } from './failures.js';
import { onQuery } from './handlers.js';
import { ownLane } from './own-lane.js';

/** End of a run: an outcome completes it, a failure type fails it. */
export interface RunEnd {
  outcome: RunOutcome | FailureType;
  why: string;
  /** Details of the failure. */
  details?: unknown[];
}

/** Context of a release or a rollback. */
export interface RunContext {
  readonly state: ReleaseStatus;
  /** Scope of all work of the run; cancelled when something ends it. */
  readonly scope: CancellationScope;
  readonly feed: EventFeed;
  readonly plan?: Pick<Plan, 'hidesTenants'>;
  /** Set once the end of the run is decided. An abort overrides any other end. */
  end: RunEnd | null;
}

/** Ids of this run. */
export const ownRun = () => ({ workflowId: workflowInfo().workflowId, runId: workflowInfo().runId });

/** Parses the input of the run, whose workflow id must match its sha, or its slug. Invalid input fails the run as `ConfigInvalid`. */
export function readInput<K extends Sha | Slug, T extends { sha: K } | { slug: K }>(
  parse: () => T,
  idOf: (lane: Lane, key: K) => string,
): T {
  try {
    const input = parse();
    const [name, key] = 'sha' in input ? ['sha', input.sha] : ['slug', input.slug];
    const id = idOf(ownLane(), key as K);
    if (id === workflowInfo().workflowId) return input;
    throw new InvalidInput(
      `workflow id ${workflowInfo().workflowId} does not match ${name} ${key} (start it as ${id})`,
    );
  } catch (error) {
    if (error instanceof InvalidInput) throw failure('ConfigInvalid', error.message);
    throw error;
  }
}

/** Creates the context of a run; the query `status` answers from then on. */
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
  onQuery(statusQuery, () => state, 'The phase of the run, and why');
  upsertSearchAttributes([
    { key: attributes.CanarySha, value: input.sha },
    ...(input.requestedBy ? [{ key: attributes.CanaryRequestedBy, value: input.requestedBy }] : []),
  ]);
  return { state, scope, feed: openFeed(input.sha), end: null };
}

/** Enters a phase. @param forMs longest duration of the phase, in milliseconds, if it has a bound. @param others search attributes that change with it. */
export function setPhase(
  { state, feed }: RunContext,
  phase: ReleasePhase,
  why: string,
  forMs?: number,
  others: SearchAttributeUpdatePair[] = [],
): void {
  const until = forMs === undefined ? null : new Date(Date.now() + forMs).toISOString();
  const since = new Date().toISOString();
  const phases = enterPhase(state.phases, state.since, since, { phase, ...(state.hold && { hold: state.hold.name }) });
  if (phase !== state.phase || state.why === '') feed.emit({ type: 'phase-entered', phase, why });
  Object.assign(state, { phase, why, since, until, phases });
  updateDetails(state);
  upsertSearchAttributes([
    { key: attributes.CanaryPhase, value: phase },
    { key: attributes.CanaryPhaseSince, value: new Date() },
    ...others,
  ]);
}

/** Updates the run's page in the Temporal UI; this creates no command. */
export const updateDetails = (state: ReleaseStatus): void => setCurrentDetails(runDetails(state, ownLane()));

/** Runs one phase after another; each names the next. */
export async function runPhases<P extends string, R>(
  phases: Record<P, (run: R) => Promise<P | 'done'>>,
  first: P,
  run: R,
): Promise<void> {
  for (let phase: P | 'done' = first; phase !== 'done'; ) phase = await phases[phase](run);
}

/** Ends the run from inside a phase; the first end counts. */
export function finish(run: RunContext, end: RunEnd): 'done' {
  run.end ??= end;
  return 'done';
}

/** Ends the run from anywhere below a phase: it cancels the work that is under way. */
export async function stopRun(run: RunContext, end: RunEnd): Promise<never> {
  run.end ??= end;
  run.scope.cancel();
  return CancellationScope.current().cancelRequested;
}

/** Start of this run, and the time in each phase until now. */
export function timesOf({ phases, since }: ReleaseStatus): RunTimes {
  const ended = new Date().toISOString();
  return { started: workflowInfo().startTime.toISOString(), ended, phases: leavePhase(phases, since, ended) };
}
