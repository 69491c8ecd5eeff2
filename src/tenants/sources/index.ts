import type { FleetSource } from '../fleet.js';
import { envFleet } from './env.js';
import { type FileSources, fileFleet } from './file.js';

/** The variables that configure the canary fleet. */
export const FLEET_VARIABLES = [
  'CANARY_TENANT_URLS',
  'CANARY_ADMIN_TOKENS',
  'CANARY_ADMIN_TOKENS_FILE',
  'CANARY_FLEET_FILE',
] as const;

/** The environment without the canary fleet, for commands that do not need it: an invalid fleet must not stop them. */
export function withoutFleet<E extends Readonly<Record<string, string | undefined>>>(env: E) {
  return Object.fromEntries(Object.entries(env).filter(([name]) => !FLEET_VARIABLES.some((one) => one === name)));
}

/** The source of the canary fleet: the file, or the two lists; null if neither is set. */
export function fleetSource(
  { urls, tokens, file }: { urls: string[]; tokens: () => string[]; file: string | null },
  sources: FileSources,
): FleetSource | null {
  const isListed = urls.length > 0 || tokens().length > 0;
  if (file === null) return isListed ? envFleet(urls, tokens) : null;
  const conflict = isListed ? ['is set together with CANARY_TENANT_URLS or CANARY_ADMIN_TOKENS: keep one'] : [];
  return fileFleet(
    { file, setting: 'CANARY_FLEET_FILE', unnamed: 'canary', needsToken: true, check: () => conflict },
    sources,
  );
}

/** The source of the production fleet; null if none is configured. */
export function productionFleetSource(file: string | null, sources: FileSources): FleetSource | null {
  if (file === null) return null;
  const check = (tenants: number) => (tenants > 0 ? [] : ['names no tenant: unset it']);
  return fileFleet(
    { file, setting: 'CANARY_PROD_FLEET_FILE', unnamed: 'production', needsToken: false, check },
    sources,
  );
}
