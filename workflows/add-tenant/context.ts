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
  isAddStop,
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
  return { input, status, plan: null, isCreated: false, isRecreated: false };
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

/** A stop with a name, as a failure. */
export const stop = (name: AddStop, why: string): ApplicationFailure =>
  ApplicationFailure.nonRetryable(why, NOT_ADDED, name);

/** The stop at an org that is left as it is. */
export const leftAlone = (name: LeftAlone, slug: string): ApplicationFailure =>
  name === 'not-ours'
    ? stop(
        name,
        `${slug} is no canary, and may be a customer: unmarked, only an org whose slug begins with canary- is taken up`,
      )
    : stop(name, 'it has an instance, and the control plane does not list its is_canary: it may be a canary that runs');

/** What a failure of a phase means, if it is no stop. */
const STOP_OF_PHASE: Partial<Record<AddPhase, AddStop>> = {
  creating: 'not-configured',
  storing: 'token-not-stored',
  joining: 'not-joined',
};

/** The end of a run that stopped: its details are its status, with the command that goes on. */
export function stopOf(run: AddRun, error: unknown): ApplicationFailure {
  const failed = unwrapFailure(error);
  const { message, details } = failed;
  const { status } = run;
  const fault = faultOf(failed);
  const stopped = fault === 'TenantNotAdded' ? details?.[0] : null;
  const name = isAddStop(stopped) ? stopped : stopOfFault(status.phase, fault);
  const next = ADD_STOPS[name].next.replace('<slug>', status.slug);
  Object.assign(status, { outcome: name, next });
  const why = `${status.slug} was not added: ${message} (stopped in ${status.phase}: ${name}; go on with ${next})`;
  enter(run, 'done', why);
  return ApplicationFailure.create({ message: why, type: NOT_ADDED, nonRetryable: true, details: [status] });
}

function stopOfFault(phase: AddPhase, fault: FailureType | null): AddStop {
  if (fault === 'ControlPlaneFailed') return 'control-plane';
  return (fault === 'ConfigInvalid' && STOP_OF_PHASE[phase]) || 'fault';
}
