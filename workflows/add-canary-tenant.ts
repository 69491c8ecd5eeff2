import { isCancellation } from '@temporalio/workflow';
import { addTenantId } from '../src/contract/ids.js';
import type { AddPhase, AddTenantStatus } from '../src/contract/tenants/added.js';
import { parseAddTenantInput } from '../src/domain/inputs.js';
import { type AddPhaseRun, type AddRun, beginAdd, enter, failureOf, noteFault } from './add-tenant/context.js';
import { creating } from './add-tenant/creating.js';
import { checking, joining, storing } from './add-tenant/joining.js';
import { marking } from './add-tenant/marking.js';
import { provisioning, recreating } from './add-tenant/provisioning.js';
import { readInput, runPhases } from './shared/run.js';

/** Phases of the addition of a canary tenant: each does its work and names the next. */
const PHASES: Record<Exclude<AddPhase, 'done'>, AddPhaseRun> = {
  creating, //     → marking
  marking, //      → provisioning, recreating
  recreating, //   → creating
  provisioning, // → storing, checking, recreating
  storing, //      → checking
  checking, //     → joining, done
  joining, //      → done
};

/** Adds a canary tenant, step by step; each step takes up what the control plane has already. It undoes nothing: started again, it goes on. */
export async function AddCanaryTenant(typed: unknown): Promise<AddTenantStatus> {
  const input = readInput(() => parseAddTenantInput(typed), addTenantId);
  const run: AddRun = beginAdd(input);
  try {
    await runPhases(PHASES, 'creating', run);
  } catch (error) {
    if (isCancellation(error)) {
      enter(run, 'done', 'cancelled');
      throw error;
    }
    noteFault(run, error);
  }
  if (run.stopped !== null) throw failureOf(run, run.stopped);
  run.status.outcome = 'added';
  enter(run, 'done', `${input.slug} is a member of the canary fleet: the next release tests on it`);
  return run.status;
}
