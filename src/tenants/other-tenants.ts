import { unlessAborted } from '../net/deadline.js';
import type { Network } from '../net/network.js';
import type { Compared, OtherTenants, ReadOthers, TenantFacts } from '../smoke/drift/facts.js';
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

/** One read of the other tenants, for all that wait for it. */
interface Flight {
  at: number;
  /** Origins of the tenants that it counts for: each of them once, for a second try confirms nothing with the same answer. */
  asked: Set<string>;
  all: Promise<{ tenants: readonly { origin: string }[]; facts: TenantFacts[] }>;
  waiting: number;
  abort: () => void;
}

/** Reads what tenants are compared with: those of production or, without a production fleet, the other canary tenants. They are asked once for all, and no longer than any of these waits. */
export function readsOthers({ fleet, productionFleet, network }: Fleets): ReadOthers {
  const known = new WeakMap<readonly Compared[], Flight>();
  const readAll = async (read: readonly Compared[], signal: AbortSignal) => {
    const tenants = await comparedTenants(productionFleet ?? fleet, network, signal);
    return { tenants, facts: await readTenants(tenants, read, signal) };
  };
  const begin = (read: readonly Compared[]): Flight => {
    const stopping = new AbortController();
    const all = readAll(read, stopping.signal);
    const forget = () => known.get(read) === flight && known.delete(read);
    const abort = () => {
      forget();
      stopping.abort();
    };
    const flight: Flight = { at: performance.now(), asked: new Set(), all, waiting: 0, abort };
    known.set(read, flight);
    // What could not be read is read again.
    all.catch(forget);
    return flight;
  };
  return async (read, { tenant: { origin }, quarantined = [] }, signal): Promise<OtherTenants> => {
    const last = known.get(read);
    const counts = last !== undefined && performance.now() - last.at < COUNTS_MS && !last.asked.has(origin);
    const flight = counts ? last : begin(read);
    flight.asked.add(origin);
    flight.waiting += 1;
    try {
      const { tenants, facts } = await unlessAborted(flight.all, signal);
      // A quarantine is of a canary tenant.
      const left = productionFleet === null ? quarantined : [];
      const others = facts.filter(({ tenant }, index) => tenants[index]?.origin !== origin && !left.includes(tenant));
      return { fleet: productionFleet === null ? 'canary' : 'production', facts: others };
    } finally {
      flight.waiting -= 1;
      if (flight.waiting === 0 && signal.aborted) flight.abort();
    }
  };
}
