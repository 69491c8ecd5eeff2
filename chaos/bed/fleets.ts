import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Tenant } from '../../testbed/tenant.js';
import type { TenantState } from '../checker/evidence.js';

/** How a red build, and a red tenant of production, fails; what it answers is kept in reports, and has a secret. */
export const MISBEHAVES = 'empty-subsystems,echo-token';

/** Writes the fleet file of production, and the token beside it. */
export function writeFleet(folder: string, token: string, tenants: readonly Tenant[]): string {
  mkdirSync(folder);
  writeFileSync(join(folder, 'token'), token);
  const file = join(folder, 'production.json');
  const listed = tenants.map(({ name, url }) => ({ name, url, token: { file: 'token' } }));
  writeFileSync(file, JSON.stringify({ tenants: listed }));
  return file;
}

/** Records what each tenant says that it runs, from each change on. */
export function followStates(tenants: Tenant[]) {
  const states: TenantState[] = [];
  const look = () => {
    for (const { name: tenant, state, says } of tenants) {
      const sha = state() === 'running' ? says() : null;
      if (states.findLast((one) => one.tenant === tenant)?.sha !== sha) states.push({ at: Date.now(), tenant, sha });
    }
  };
  const timer = setInterval(look, 10);
  return { states, stop: () => clearInterval(timer) };
}
