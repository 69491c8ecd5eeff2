import { cancellationSignal } from '@temporalio/activity';
import { InvalidInput } from '../../src/contract/brand.js';
import type { PlannedTenant } from '../../src/contract/release.js';
import type { ActivityDependencies } from '../dependencies.js';
import { SecretMissing } from '../failures.js';
import { accessOf, accessTo } from '../tenants.js';

/**
 * Requires tenants of the canary fleet, by their origin.
 * @throws {SecretMissing} for any other: a worker with a newer fleet may know it. No request is sent.
 */
export async function requireCanaries({ config }: ActivityDependencies, tenants: PlannedTenant[]): Promise<void> {
  const access = await accessOf(config.fleet, 'the fleet');
  for (const tenant of tenants) accessTo(access, tenant);
}

/**
 * Requires tenants of the production fleet, by their origin.
 * @throws {InvalidInput} for any other: one that left the fleet is no longer watched.
 */
export async function requireProduction({ config }: ActivityDependencies, tenants: PlannedTenant[]): Promise<void> {
  if (config.productionFleet === null) throw new SecretMissing('production: CANARY_PROD_FLEET_FILE is not set');
  const known = new Set((await config.productionFleet.read(cancellationSignal())).tenants.map(({ origin }) => origin));
  const foreign = tenants.filter(({ origin }) => !known.has(origin));
  if (foreign.length > 0)
    throw new InvalidInput(`${foreign.map(({ name }) => name).join(', ')} refused: not in CANARY_PROD_FLEET_FILE`);
}
