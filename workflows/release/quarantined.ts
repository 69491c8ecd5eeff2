import type { Plan } from '../../src/contract/release.js';
import { describeQuarantine, type Quarantine, withoutQuarantined } from '../../src/contract/tenants/quarantine.js';
import { updateDetails } from '../shared/run.js';
import type { Release } from './context.js';

/** Takes tenants that are in quarantine out of the plan of a running release. One that comes back is tested once the release starts over. */
export function leaveOut(release: Release, quarantines: Quarantine[]): void {
  const { plan, state } = release;
  release.plan = planWithout(plan, quarantines);
  if (release.plan === plan) return;
  const isLeft = (name: string) => release.plan.tenants.some((one) => one.name === name);
  state.fleetNotes = release.plan.fleetNotes ?? [];
  state.builds = state.builds.filter(({ tenant }) => isLeft(tenant));
  state.tenants = state.tenants.filter(({ tenant }) => isLeft(tenant));
  updateDetails(state);
}

/** A plan without tenants that are in quarantine, which a release that starts over reads again; the same one if none is. */
export function planWithout(plan: Plan, quarantines: Quarantine[]): Plan {
  const tenants = withoutQuarantined(plan.tenants, quarantines);
  const left = plan.tenants.filter((one) => !tenants.includes(one)).map(({ name }) => name);
  if (left.length === 0) return plan;
  const notes = quarantines.filter(({ tenant }) => left.includes(tenant)).map(describeQuarantine);
  const { keepsFleet: _, ...rest } = plan;
  return { ...rest, tenants, fleetNotes: [...(plan.fleetNotes ?? []), ...notes] };
}
