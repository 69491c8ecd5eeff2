import { type FoundFleet, pairTenants } from '../fleet.js';
import { type FleetSources, readFleetFile } from './file.js';

type Given = Record<string, string>;

/** Commas, spaces or newlines between them. */
export const list = (text: string) => text.split(/[\s,]+/).filter((part) => part !== '');

/** How the canary fleet is found: by the file, or by the two lists. */
export function fleetFinder(given: Given, sources: FleetSources): () => FoundFleet {
  const { CANARY_FLEET_FILE: file, CANARY_TENANT_URLS: urls = '', CANARY_ADMIN_TOKENS: tokens = '' } = given;
  if (file === undefined) return () => pairTenants(list(urls), list(tokens));
  const both = urls || tokens ? ['is set, and CANARY_TENANT_URLS or CANARY_ADMIN_TOKENS too: keep one'] : [];
  return () => named('CANARY_FLEET_FILE', readFleetFile(file, sources), both);
}

/** How production is found; null when nobody said where it is. */
export function prodFleetFinder(
  { CANARY_PROD_FLEET_FILE: file }: Given,
  sources: FleetSources,
): (() => FoundFleet) | null {
  if (file === undefined) return null;
  return () => {
    const fleet = readFleetFile(file, sources, 'production');
    return named('CANARY_PROD_FLEET_FILE', fleet, fleet.tenants.length > 0 ? [] : ['has no tenant: unset it']);
  };
}

function named(setting: string, fleet: FoundFleet, more: string[]): FoundFleet {
  return { ...fleet, problems: [...more, ...fleet.problems].map((problem) => `${setting}: ${problem}`) };
}
