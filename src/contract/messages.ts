import type { QueryDefinition, SignalDefinition, UpdateDefinition } from '@temporalio/common';
import type { DeliveryOrder } from './events.js';
import type { DecisionInput, DecisionName } from './hold.js';
import type {
  HolderReport,
  LaneRequest,
  MoveDecision,
  MoveQuestion,
  MoveReport,
  Revocation,
  RollbackRequest,
} from './lane.js';
import type { Drift } from './move.js';
import type { ReleaseStatus } from './release.js';
import type { AddTenantStatus } from './tenants/added.js';
import type { FleetSeen } from './tenants/fleet-watch.js';
import type { ProductionSeen, WatchReport } from './tenants/production.js';

// The SDK's own `define…` functions are in `@temporalio/workflow`, which activities and the command line must not load.
const defineQuery = <Ret, Args extends unknown[] = []>(name: string) =>
  ({ type: 'query', name }) as QueryDefinition<Ret, Args>;
const defineSignal = <Args extends unknown[]>(name: string) => ({ type: 'signal', name }) as SignalDefinition<Args>;
const defineUpdate = <Ret, Args extends unknown[]>(name: string) =>
  ({ type: 'update', name }) as UpdateDefinition<Ret, Args>;

/** Query: phase and reason of a release or a rollback, and the effect of each decision now. */
export const statusQuery = defineQuery<ReleaseStatus>('status');

/** Decisions as updates: the answer says what the decision did, a rejection says why it was refused. */
export const approveUpdate = defineUpdate<string, [DecisionInput]>('approve');
export const abortUpdate = defineUpdate<string, [DecisionInput]>('abort');
export const retryUpdate = defineUpdate<string, [DecisionInput]>('retry');
/** Update of a rollback that has not begun to move: from now on it is a forced one, of the person who sends it. */
export const forceUpdate = defineUpdate<string, [DecisionInput]>('force');

/** Decisions as signals, for clients that cannot send updates; `status` shows a refusal. */
export const approveSignal = defineSignal<[DecisionInput]>('approve');
export const abortSignal = defineSignal<[DecisionInput]>('abort');
export const retrySignal = defineSignal<[DecisionInput]>('retry');

/** Signal of a release's own activity: what it last saw of the canary fleet. */
export const fleetSeenSignal = defineSignal<[FleetSeen]>('fleet-seen');

/** Update, signal and description of each decision. */
export const DECISIONS: Record<
  DecisionName,
  { update: typeof approveUpdate; signal: typeof approveSignal; description: string }
> = {
  approve: {
    update: approveUpdate,
    signal: approveSignal,
    description: 'Approve what the release is held for: {"by","reason","hold"}',
  },
  abort: { update: abortUpdate, signal: abortSignal, description: 'End this run: {"by","reason"}' },
  retry: {
    update: retryUpdate,
    signal: retrySignal,
    description: 'Retry what the release is held for: {"by","reason","hold"}',
  },
};

/** Signal of a release: requests the lane. Idempotent by run id. */
export const joinQueueSignal = defineSignal<[LaneRequest]>('join-queue');
/** Signal of the holder: its hold, and from when on it may be preempted; null when the hold has ended. */
export const holderStatusSignal = defineSignal<[HolderReport]>('holder-status');

/** Update of a mover, right before it writes; keyed by its run id. */
export const authorizeMoveUpdate = defineUpdate<MoveDecision, [MoveQuestion]>('authorize-move');
/** Update of a mover, before it ends; keyed by the run id of its parent. */
export const reportMoveUpdate = defineUpdate<void, [MoveReport]>('report-move');
/** Update of a rollback, before anything moves; answers how long a write of another mover may still be in flight, in milliseconds. */
export const beginRollbackUpdate = defineUpdate<number, [RollbackRequest]>('begin-rollback');

/** Signals of a rollback and its mover for a lane that did not answer in time: it learns of both when it is back. */
export const beginRollbackSignal = defineSignal<[RollbackRequest]>('begin-rollback');
export const reportMoveSignal = defineSignal<[MoveReport]>('report-move');

/** Update of `CheckDrift`: the difference between registry and ledger. */
export const driftUpdate = defineUpdate<void, [Drift]>('drift');

/** Commands of people to the lane, as updates and signals with `{"by","reason",…}`. */
export const LANE_COMMANDS = [
  'adopt',
  'unhold',
  'drop',
  'unbad',
  'sequence',
  'pause',
  'resume',
  'quarantine',
  'unquarantine',
  'renew',
] as const;
export type LaneCommand = (typeof LANE_COMMANDS)[number];
/** Update of a lane command; the answer says what it did. */
export const laneCommandUpdate = (command: LaneCommand) => defineUpdate<string, [unknown]>(command);
/** Signal of a lane command, for clients that cannot send updates. */
export const laneCommandSignal = (command: LaneCommand) => defineSignal<[unknown]>(command);

/** Signal of the lane to a release: it no longer holds the lane, and why. */
export const laneRevokedSignal = defineSignal<[Revocation & { fencingToken: number }]>('lane-revoked');

/** Signal of the activity `publish` to the delivery of events. */
export const deliverEventSignal = defineSignal<[DeliveryOrder]>('deliver-event');

/** Query: how production takes the build so far. */
export const productionQuery = defineQuery<WatchReport>('status');

/** Query: how far the addition of a canary tenant is. */
export const addTenantQuery = defineQuery<AddTenantStatus>('status');

/** Signal of a watch's own activity: the last observation of every tenant. */
export const productionTenantsSignal = defineSignal<[ProductionSeen]>('production-tenants');
