import { describeQuarantine, type Quarantine, withoutQuarantined } from '../../src/contract/tenants/quarantine.js';
import { updateDetails } from '../shared/run.js';
import type { Release } from './context.js';

/** Takes tenants that are in quarantine out of the plan of a running release. One that comes back is tested once the release starts over. */
export function leaveOut(release: Release, quarantines: Quarantine[]): void {
  const { plan, state } = release;
  const tenants = withoutQuarantined(plan.tenants, quarantines);
  const left = plan.tenants.filter((one) => !tenants.includes(one)).map(({ name }) => name);
  if (left.length === 0) return;
  const notes = quarantines.filter(({ tenant }) => left.includes(tenant)).map(describeQuarantine);
  release.plan = { ...plan, tenants, fleetNotes: [...(plan.fleetNotes ?? []), ...notes] };
  state.fleetNotes = release.plan.fleetNotes ?? [];
  state.builds = state.builds.filter(({ tenant }) => !left.includes(tenant));
  state.tenants = state.tenants.filter(({ tenant }) => !left.includes(tenant));
  updateDetails(state);
}
