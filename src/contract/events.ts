import type { FailureType } from './failures.js';
import type { DecisionName } from './hold.js';
import type { WorkflowType } from './ids.js';
import type { MovedImage, MoveInput, MoveOutcome, TagState } from './move.js';
import type { PhaseTime, ReleasePhase, ReleaseStatus, RunOutcome } from './release.js';

/** Events of releases and rollbacks, a sentence for each: log lines, metrics and notifiers are made from them. */
export const EVENTS = {
  'phase-entered': 'A run entered a phase.',
  held: 'A run waits for a person.',
  reminder: 'A run still waits for a person: half of the time is over, or nearly all.',
  decided: 'A person approved, retried or aborted.',
  interrupted: 'A canary tenant stopped answering or left the build: the release soaks again.',
  rejected: 'RED: a check failed on a canary tenant.',
  promoted: '`:latest` of every image is on the tested digests; with `moved: false` it was on that build before.',
  'rolled-back':
    '`:latest` of every image is back on a build that was live before; with `moved: false` it was there already.',
  superseded: 'A newer build is released instead.',
  ended: 'A run ended in any other way.',
  moved: 'A mover ended, with the worst result of its images.',
  alarm: 'A person must look at something now.',
  'production-watched': 'A watch over production ended.',
} as const satisfies Record<ReleaseEvent['type'], string>;

/** Event as a workflow emits it: plain JSON without secrets. Only `why` may contain text of a tenant or a registry. */
export type ReleaseEvent =
  | { type: 'phase-entered'; phase: ReleasePhase; why: string }
  | { type: 'held' | 'reminder'; hold: string; holdId: string; why: string; until: string | null }
  | { type: 'decided'; decision: DecisionName; by: string; reason: string; hold?: string }
  | { type: 'interrupted'; tenants: string[]; why: string }
  | {
      type: 'rejected' | 'promoted' | 'rolled-back' | 'superseded' | 'ended';
      outcome: string;
      why: string;
      /** Present if `:latest` was on the build before: the run moved nothing, and a release tested nothing. */
      moved?: false;
      /** Images that are on another build, for this one has none of them, or the gate never moved them to it. Absent: none. */
      kept?: string[];
      /** Time in each phase. */
      phases?: PhaseTime[];
    }
  | { type: 'moved'; kind: MoveInput['kind']; result: MoveOutcome }
  | { type: 'alarm'; alarm: AlarmName; why: string; images?: (MovedImage | TagState)[] }
  | { type: 'production-watched'; outcome: string; why: string };

/** Alarms, which a person must look at, a sentence for each. */
export const ALARMS = {
  'move-split': 'A move left the images on two builds.',
  'pair-split': 'The lane is on hold: the images are on two builds.',
  'latest-moved': '`:latest` is not where the last move left it.',
  'not-recovered': 'The lane is on hold: its ledger could not be recovered.',
  'after-rollback': 'The lane is on hold after a rollback.',
  'rollback-target-missing': 'A manifest that a rollback would need is gone from the registry.',
  'ledger-not-kept':
    'The copy of the ledger in the registry could not be written, or another one was in its place, which may have known-bad builds that the lane lacks; the next move writes the next one.',
  'out-of-order': 'Releases in a row were superseded by a build that came before them: a sequence is wrong.',
  'live-build-red': 'Canary rejected the live build.',
  'consecutive-preemptions': 'Releases in a row were superseded because the canary tenants moved on.',
  'not-delivered': 'The control plane did not take a build to every production tenant.',
  'production-unwatched':
    'Production is not watched after a move: its plan could not be read. A control plane got no order.',
  'production-red': 'A production tenant fails, stopped answering, or keeps restarting.',
} as const;
export type AlarmName = keyof typeof ALARMS;

/** Event as it is delivered. `id` is the run id and the number of the event in its run. A worker delivers an id to a sink once; after a crash another worker may repeat it. */
export type DeliveredEvent = ReleaseEvent & {
  id: string;
  /** Time of the event, ISO 8601. */
  at: string;
  workflow: WorkflowType;
  workflowId: string;
  sha?: string;
};

/** Whether the run of an event found its build live. */
export const movedNothing = (event: DeliveredEvent): boolean => 'moved' in event && event.moved === false;

/** Order to deliver one event, and to which sinks. */
export interface DeliveryOrder {
  event: DeliveredEvent;
  sinks: string[];
  /** Sinks that get a reminder of it, if it is a hold. */
  reminded: string[];
  /** Sinks that a person has sent it to again: a note for the record, which delivers nothing. */
  replayed?: string[];
}

/** What a worker counts for `DeliverEvents`, as sinks of the SDK: a call is no command. */
export type DeliveryCounts = { deliveries: { lost(sink: string): void } };

/** Run of an event, and its number in it.
 * @returns null for an id of another form. */
export function partsOfId(id: string): { runId: string; number: number } | null {
  const [, runId, number] = /^([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})-(\d{1,9})(?:-[a-z]+)?$/.exec(id) ?? [];
  return runId === undefined ? null : { runId, number: Number(number) };
}

const END_EVENTS = {
  CanaryRejected: 'rejected',
  promoted: 'promoted',
  'rolled-back': 'rolled-back',
  already: 'rolled-back',
  superseded: 'superseded',
} as const satisfies Partial<Record<FailureType | RunOutcome, ReleaseEvent['type']>>;

/** Event for the end of a run with an outcome or a failure type. */
export function endEvent(
  outcome: string,
  why: string,
  { phases, images, notMoved = [] }: Pick<ReleaseStatus, 'phases' | 'images' | 'notMoved'>,
): ReleaseEvent {
  const type = outcome in END_EVENTS ? END_EVENTS[outcome as keyof typeof END_EVENTS] : 'ended';
  const wasLive =
    outcome === 'already' || (outcome === 'promoted' && phases.every(({ phase }) => phase !== 'promoting'));
  const unchanged = images.filter((image) => image.unchanged).map(({ repository }) => repository);
  const kept = type === 'promoted' || type === 'rolled-back' ? [...unchanged, ...notMoved] : [];
  return { type, outcome, why, ...(wasLive && { moved: false }), ...(kept.length > 0 && { kept }), phases };
}
