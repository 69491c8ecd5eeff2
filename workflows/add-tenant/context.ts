import { ApplicationFailure, setCurrentDetails, upsertSearchAttributes } from '@temporalio/workflow';
import type { FailureType } from '../../src/contract/failures.js';
import { addTenantQuery } from '../../src/contract/messages.js';
import * as attributes from '../../src/contract/search-attributes.js';
import {
  ADD_STOPS,
  type AddPhase,
  type AddPlan,
  type AddStop,
  type AddTenantInput,
  type AddTenantStatus,
  type LeftAlone,
} from '../../src/contract/tenants/added.js';
import { addTenantDetails } from '../../src/domain/run-details.js';
import { faultOf, unwrapFailure } from '../shared/failures.js';
import { onQuery } from '../shared/handlers.js';

/** Context that the phases of one addition share. */
export interface AddRun {
  readonly input: AddTenantInput;
  readonly status: AddTenantStatus;
  plan: AddPlan | null;
  /** Whether this run created the org: one that was there may be a customer. */
  isCreated: boolean;
  /** Whether the instance was deleted: that happens once. */
  isRecreated: boolean;
  /** Stop that ended it; null without one. */
  stopped: { name: AddStop; why: string } | null;
}

export type AddPhaseRun = (run: AddRun) => Promise<AddPhase>;

export function beginAdd(input: AddTenantInput): AddRun {
  const now = new Date().toISOString();
  const { slug, requestedBy = null } = input;
  const status: AddTenantStatus = {
    slug,
    phase: 'creating',
    why: '',
    since: now,
    started: now,
    requestedBy,
    origin: null,
    build: null,
    outcome: null,
    next: null,
  };
  onQuery(addTenantQuery, () => status, 'How far the addition of the tenant is');
  if (requestedBy !== null) upsertSearchAttributes([{ key: attributes.CanaryRequestedBy, value: requestedBy }]);
  return { input, status, plan: null, isCreated: false, isRecreated: false, stopped: null };
}

/** Enters a phase. */
export function enter({ status }: AddRun, phase: AddPhase, why: string): void {
  Object.assign(status, { phase, why, since: new Date().toISOString() });
  setCurrentDetails(addTenantDetails(status));
  upsertSearchAttributes([
    { key: attributes.CanaryPhase, value: phase },
    { key: attributes.CanaryPhaseSince, value: new Date() },
    ...(status.outcome === null ? [] : [{ key: attributes.CanaryOutcome, value: status.outcome }]),
  ]);
}

const NOT_ADDED: FailureType = 'TenantNotAdded';

/** Ends the run from inside a phase, by a stop that has a name. */
export function stop(run: AddRun, name: AddStop, why: string): 'done' {
  run.stopped ??= { name, why };
  return 'done';
}

/** The stop at an org that is left as it is. */
export function leftAlone(run: AddRun, name: LeftAlone): 'done' {
  const { slug } = run.input;
  const why =
    name === 'not-ours'
      ? `${slug} is no canary, and may be a customer: unmarked, only an org whose slug begins with canary- is taken up`
      : 'it has an instance, and the control plane does not list its is_canary: it may be a canary that runs';
  return stop(run, name, why);
}

/** What a failure of a phase means, if it is no stop. */
const STOP_OF_PHASE: Partial<Record<AddPhase, AddStop>> = {
  creating: 'not-configured',
  storing: 'token-not-stored',
  joining: 'not-joined',
};

/** The stop that a fault is. */
export function noteFault(run: AddRun, error: unknown): void {
  const failed = unwrapFailure(error);
  stop(run, stopOfFault(run.status.phase, faultOf(failed)), failed.message);
}

/** The end of a run that stopped: its details are its status, with the command that goes on. */
export function failureOf(run: AddRun, { name, why: reason }: NonNullable<AddRun['stopped']>): ApplicationFailure {
  const { status } = run;
  const next = ADD_STOPS[name].next.replace('<slug>', status.slug);
  Object.assign(status, { outcome: name, next });
  const why = `${status.slug} was not added: ${reason} (stopped in ${status.phase}: ${name}; go on with ${next})`;
  enter(run, 'done', why);
  return ApplicationFailure.create({ message: why, type: NOT_ADDED, nonRetryable: true, details: [status] });
}

function stopOfFault(phase: AddPhase, fault: FailureType | null): AddStop {
  if (fault === 'ControlPlaneFailed') return 'control-plane';
  return (fault === 'ConfigInvalid' && STOP_OF_PHASE[phase]) || 'fault';
}
