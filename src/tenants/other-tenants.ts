import { unlessAborted } from '../net/deadline.js';
import type { Network } from '../net/network.js';
import type { Compared, OtherTenants, ReadOthers } from '../smoke/drift/facts.js';
import { type ComparedTenant, readTenants } from '../smoke/drift/read.js';
import type { FleetSource } from './fleet.js';

/** How long an answer counts for the tenants of one release, in milliseconds: each of them is compared with the same. */
const COUNTS_MS = 60_000;

/** The fleets of a gate. */
export interface Fleets {
  fleet: FleetSource | null;
  productionFleet: FleetSource | null;
  network: Network;
}

/** The tenants of a fleet, and how each is reached; none without a fleet. */
export async function comparedTenants(
  source: FleetSource | null,
  network: Network,
  signal?: AbortSignal,
): Promise<ComparedTenant[]> {
  const { tenants, access } = (await source?.read(signal)) ?? { tenants: [], access: new Map() };
  return tenants.map((one) => ({ ...one, access: access.get(one.origin) ?? { token: '', headers: {}, network } }));
}

/** Reads what tenants are compared with: those of production or, without a production fleet, the other canary tenants. They are asked once for all. */
export function readsOthers({ fleet, productionFleet, network }: Fleets): ReadOthers {
  const known = new WeakMap<readonly Compared[], { at: number; all: ReturnType<typeof readAll> }>();
  const readAll = async (read: readonly Compared[]) => {
    const tenants = await comparedTenants(productionFleet ?? fleet, network);
    return { tenants, facts: await readTenants(tenants, read) };
  };
  return async (read, { origin }, signal): Promise<OtherTenants> => {
    const last = known.get(read);
    const isFresh = last !== undefined && performance.now() - last.at < COUNTS_MS;
    const { all } = isFresh ? last : { all: readAll(read) };
    if (!isFresh) {
      known.set(read, { at: performance.now(), all });
      // A fleet that could not be read is read again.
      all.catch(() => known.delete(read));
    }
    const { tenants, facts } = await unlessAborted(all, signal);
    const others = facts.filter((_facts, index) => tenants[index]?.origin !== origin);
    return { fleet: productionFleet === null ? 'canary' : 'production', facts: others };
  };
}
