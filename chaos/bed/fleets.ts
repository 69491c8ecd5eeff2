import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Tenant } from '../../testbed/tenant.js';
import type { TenantState } from '../checker/evidence.js';

/** Writes the fleet file of production, and the token beside it. */
export function writeFleet(folder: string, token: string, tenants: readonly Tenant[]): string {
  mkdirSync(folder);
  writeFileSync(join(folder, 'token'), token);
  const file = join(folder, 'production.json');
  const listed = tenants.map(({ name, url }) => ({ name, url, token: { file: 'token' } }));
  writeFileSync(file, JSON.stringify({ tenants: listed }));
  return file;
}

/** Records what each tenant says that it runs, and what it runs if that is another build, from each change on. */
export function followStates(tenants: Tenant[]) {
  const states: TenantState[] = [];
  const look = () => {
    for (const { name: tenant, state, says, sha: own } of tenants) {
      const sha = state() === 'running' ? says() : null;
      const runs = sha === null || sha === own() ? undefined : own();
      const last = states.findLast((one) => one.tenant === tenant);
      if (last?.sha !== sha || last.runs !== runs) states.push({ at: Date.now(), tenant, sha, ...(runs && { runs }) });
    }
  };
  const timer = setInterval(look, 10);
  return { states, stop: () => clearInterval(timer) };
}
