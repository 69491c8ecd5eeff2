import { InvalidInput, shown } from '../contract/brand.js';
import type { RollbackLimit } from '../contract/tenants/production.js';

/** What the gate does when production turns red: nothing, propose a rollback, or begin one from a limit on. */
export type AutoRollback = 'off' | 'propose' | RollbackLimit;

/** Parses `CANARY_AUTO_ROLLBACK`.
 * @throws {InvalidInput} */
export function parseAutoRollback(text: string): AutoRollback {
  if (text === 'off' || text === 'propose') return text;
  if (/^[1-9]\d{0,3}$/.test(text)) return { tenants: Number(text) };
  if (/^(?:[1-9]\d?|100)%$/.test(text)) return { percent: Number(text.slice(0, -1)) };
  throw new InvalidInput(`invalid limit ${shown(text)}: expected off, propose, a number of tenants, or e.g. 25%`);
}

/** What an automatic rollback cannot do without. */
export function autoRollbackProblems(given: {
  autoRollback: AutoRollback;
  productionFleetFile: string | null;
  requireVerified: readonly string[];
}): string[] {
  if (typeof given.autoRollback === 'string') return [];
  return [
    ...(given.productionFleetFile === null
      ? ['CANARY_AUTO_ROLLBACK with a limit needs CANARY_PROD_FLEET_FILE: production is not watched']
      : []),
    ...(given.requireVerified.includes('rollback')
      ? ['CANARY_AUTO_ROLLBACK with a limit and CANARY_REQUIRE_VERIFIED=rollback: a policy has no verified identity']
      : []),
  ];
}
