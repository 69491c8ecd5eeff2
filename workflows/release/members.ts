import { NO_PLAN, type Release } from './context.js';
import { holdFor } from './hold.js';
import { startOver, stopWatch } from './watch.js';

/** Whether too few tenants are left to test the build. */
export const isTooFew = ({ plan }: Release): boolean => plan.tenants.length < (plan.minTenants ?? 0);

/** Holds a release that too few tenants can test; `retry` reads the fleet again. */
export async function heldForTenants(release: Release): Promise<'resolving'> {
  // What is left of the fleet proves nothing, and must not end the hold.
  stopWatch(release);
  const { tenants, minTenants, fleetNotes = [] } = release.plan;
  const why = `${tenants.length} of at least ${minTenants} tenants can test the build`;
  await holdFor(release, 'too-few-tenants', [why, ...fleetNotes].join('; '));
  release.plan = NO_PLAN;
  return startOver(release, 'resolving');
}
