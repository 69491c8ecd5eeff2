import type { PlannedTenant } from '../../contract/release.js';
import { parseToken } from '../../contract/secret.js';
import type { Network } from '../../net/network.js';
import type { Access } from '../../smoke/session.js';
import { FleetError, type FleetSource, parsedOr, parseOrigin } from '../fleet.js';

/**
 * The canary fleet of `CANARY_TENANT_URLS` and `CANARY_ADMIN_TOKENS`: paired by position, named `canary-1`, `canary-2`, ...
 * @param tokens as they are now.
 */
export function envFleet(urls: string[], tokens: () => string[], network: Network): FleetSource {
  return {
    fixed: pairTenants(urls, tokens(), network).tenants,
    async read() {
      const { tenants, access, problems } = pairTenants(urls, tokens(), network);
      if (problems.length > 0) throw new FleetError(problems);
      return { tenants, access };
    },
  };
}

function pairTenants(urls: string[], tokens: string[], network: Network) {
  const tenants: PlannedTenant[] = [];
  const access = new Map<string, Access>();
  const problems: string[] = [];
  if (urls.length !== tokens.length)
    problems.push(
      `URLS(${urls.length}) and TOKENS(${tokens.length}) length mismatch: CANARY_TENANT_URLS and CANARY_ADMIN_TOKENS are paired by position`,
    );
  urls.forEach((text, index) => {
    const name = `canary-${index + 1}`;
    const where = `CANARY_TENANT_URLS: the URL of ${name}`;
    const origin = parseOrigin(text, 'the token belongs in CANARY_ADMIN_TOKENS');
    if (typeof origin !== 'string') problems.push(`${where} ${origin.problem}`);
    else if (access.has(origin)) problems.push(`${where} appears twice: ${origin}`);
    else {
      const report = (problem: string) => problems.push(`CANARY_ADMIN_TOKENS: the token of ${name} ${problem}`);
      const token = parsedOr(report, parseToken, tokens[index] ?? '');
      tenants.push({ name, origin });
      access.set(origin, { token, headers: {}, network });
    }
  });
  return { tenants, access, problems };
}
