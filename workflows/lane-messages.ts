import { defineQuery, defineSignal, defineUpdate } from '@temporalio/workflow';
import type { Drift } from '../src/domain/lane/drift.js';
import type { MoveQuestion, MoveReport, Word } from '../src/domain/lane/moves.js';
import type { Announcement } from '../src/domain/lane/rollbacks.js';
import type { Ask, LaneState, Ledger, Lost } from '../src/domain/lane/state.js';

/** The whole state of the lane. A closed lane answers it too: that is how a fresh one recovers. */
export const laneQuery = defineQuery<LaneState | null>('lane');
/** What outlives every run: moves, bad builds, hold, pause. */
export const ledgerQuery = defineQuery<Ledger | null>('ledger');

/** From a release: asks for its turn. Idempotent by run id. */
export const askSignal = defineSignal<[Ask]>('ask');
/** From the holder: what it is held for, and when it gives way; null when it goes on. */
export const standingSignal =
  defineSignal<[{ runId: string; waits: { hold: string; givesWayAt: number } | null }]>('standing');

/** From a mover, right before it writes; keyed by its run id. */
export const authorizeMoveUpdate = defineUpdate<Word, [MoveQuestion]>('authorize-move');
/** From a mover, before it ends; keyed by the run id of its parent. */
export const reportMoveUpdate = defineUpdate<void, [MoveReport]>('report-move');
/** From a rollback, before anything moves. */
export const beginRollbackUpdate = defineUpdate<number, [Announcement]>('begin-rollback');

/** From a look at the registry. */
export const driftUpdate = defineUpdate<void, [Drift]>('drift');

/** From people: `{"by","reason",…}`. */
export const LANE_VERBS = ['adopt', 'unhold', 'drop', 'unbad', 'pause', 'resume'] as const;
export type LaneVerb = (typeof LANE_VERBS)[number];
export const laneVerbUpdate = (verb: LaneVerb) => defineUpdate<string, [unknown]>(verb);
export const laneVerbSignal = (verb: LaneVerb) => defineSignal<[unknown]>(verb);

/** From the lane to the run that has the turn, or waits for it: why it has it no more. */
export const turnLostSignal = defineSignal<[Lost & { turn: number }]>('turn-lost');
