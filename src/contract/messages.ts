import type { QueryDefinition, SignalDefinition, UpdateDefinition } from '@temporalio/common';
import type { DecisionInput, Verb } from './hold.js';
import type {
  Drift,
  HolderReport,
  LaneRequest,
  LaneState,
  Ledger,
  MoveDecision,
  MoveQuestion,
  MoveReport,
  Revocation,
  RollbackRequest,
  RunStanding,
  StandingRequest,
} from './lane.js';
import type { SeenTenant, WatchReport } from './production.js';
import type { ReleaseStatus, TenantBuild } from './release.js';

// The SDK's own `define…` functions live in `@temporalio/workflow`, which activities and the command line need not load.
const defineQuery = <Ret, Args extends unknown[] = []>(name: string) =>
  ({ type: 'query', name }) as QueryDefinition<Ret, Args>;
const defineSignal = <Args extends unknown[]>(name: string) => ({ type: 'signal', name }) as SignalDefinition<Args>;
const defineUpdate = <Ret, Args extends unknown[]>(name: string) =>
  ({ type: 'update', name }) as UpdateDefinition<Ret, Args>;

/** Where a release or a rollback stands, why, and what each verb would do now. */
export const statusQuery = defineQuery<ReleaseStatus>('status');

/** A decision, answered: what it did, or why it was refused. */
export const approveUpdate = defineUpdate<string, [DecisionInput]>('approve');
export const abortUpdate = defineUpdate<string, [DecisionInput]>('abort');
export const retryUpdate = defineUpdate<string, [DecisionInput]>('retry');

/** The same for where only signals can be sent; a refusal is shown in `status`. */
export const approveSignal = defineSignal<[DecisionInput]>('approve');
export const abortSignal = defineSignal<[DecisionInput]>('abort');
export const retrySignal = defineSignal<[DecisionInput]>('retry');

/** From a run's own activity: what the tenants report by now. */
export const tenantBuildsSignal = defineSignal<[TenantBuild[]]>('tenant-builds');

export const VERBS: Record<Verb, { update: typeof approveUpdate; signal: typeof approveSignal; description: string }> =
  {
    approve: {
      update: approveUpdate,
      signal: approveSignal,
      description: 'Accept what the release is held for: {"by","reason","hold"}',
    },
    abort: { update: abortUpdate, signal: abortSignal, description: 'End this release: {"by","reason"}' },
    retry: {
      update: retryUpdate,
      signal: retrySignal,
      description: 'Try again what it is held for: {"by","reason","hold"}',
    },
  };

/** The whole state of the lane. A closed lane answers it too: that is how a fresh one recovers. */
export const laneQuery = defineQuery<LaneState | null>('lane');
/** Where one run stands with the lane. */
export const standingQuery = defineQuery<RunStanding | null, [StandingRequest]>('standing');
/** What outlives every run: moves, bad builds, hold, pause. */
export const ledgerQuery = defineQuery<Ledger | null>('ledger');

/** From a release: asks for the lane. Idempotent by run id. */
export const joinQueueSignal = defineSignal<[LaneRequest]>('join-queue');
/** From the holder: what it is held for, and when it gives way; null when it goes on. */
export const holderStatusSignal = defineSignal<[HolderReport]>('holder-status');

/** From a mover, right before it writes; keyed by its run id. */
export const authorizeMoveUpdate = defineUpdate<MoveDecision, [MoveQuestion]>('authorize-move');
/** From a mover, before it ends; keyed by the run id of its parent. */
export const reportMoveUpdate = defineUpdate<void, [MoveReport]>('report-move');
/** From a rollback, before anything moves. */
export const beginRollbackUpdate = defineUpdate<number, [RollbackRequest]>('begin-rollback');

/** From a look at the registry. */
export const driftUpdate = defineUpdate<void, [Drift]>('drift');

/** From people: `{"by","reason",…}`. */
export const LANE_COMMANDS = ['adopt', 'unhold', 'drop', 'unbad', 'pause', 'resume'] as const;
export type LaneCommand = (typeof LANE_COMMANDS)[number];
export const laneCommandUpdate = (verb: LaneCommand) => defineUpdate<string, [unknown]>(verb);
export const laneCommandSignal = (verb: LaneCommand) => defineSignal<[unknown]>(verb);

/** From the lane to a release: it no longer holds the lane, and why. */
export const laneRevokedSignal = defineSignal<[Revocation & { fencingToken: number }]>('lane-revoked');

/** How production takes the build, so far. */
export const productionQuery = defineQuery<WatchReport>('status');

/** From its own activity: what was last seen of every tenant. */
export const productionTenantsSignal = defineSignal<[SeenTenant[]]>('production-tenants');
