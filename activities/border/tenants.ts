import { cancellationSignal } from '@temporalio/activity';
import { InvalidInput } from '../../src/contract/brand.js';
import type { PlannedTenant } from '../../src/contract/release.js';
import type { ActivityDependencies } from '../dependencies.js';
import { accessOf, accessTo, productionOf } from '../tenants.js';

/**
 * Requires tenants of the canary fleet, by their origin.
 * @throws {SecretMissing} for any other: a worker with a newer fleet may know it. No request is sent.
 */
export async function requireCanaries({ config }: ActivityDependencies, tenants: PlannedTenant[]): Promise<void> {
  const access = await accessOf(config.fleet, 'the fleet');
  for (const tenant of tenants) accessTo(access, tenant);
}

/**
 * Those of the tenants that are in the production fleet, by their origin: one that left the fleet is no longer watched.
 * @throws {InvalidInput} if there is none.
 */
export async function ofProduction(
  { config }: ActivityDependencies,
  tenants: PlannedTenant[],
): Promise<PlannedTenant[]> {
  const fleet = await productionOf(config).read(cancellationSignal());
  const known = new Set(fleet.tenants.map(({ origin }) => origin));
  const ours = tenants.filter(({ origin }) => known.has(origin));
  if (ours.length > 0) return ours;
  throw new InvalidInput(`${tenants.map(({ name }) => name).join(', ')} refused: not in CANARY_PROD_FLEET_FILE`);
}
