import { workflowInfo } from '@temporalio/workflow';
import type { WatchPlan, WatchReport, WatchState } from '../../src/contract/tenants/production.js';
import { fieldsOf } from '../../src/domain/payloads/fields.js';
import { parseProductionSeen } from '../../src/domain/payloads/seen.js';

/** What a watch hands on to the run that continues it. */
interface Carried {
  report: WatchReport;
  plan: WatchPlan;
  seen: WatchState;
}

/** What the run before handed on; null for a watch that begins, which takes no more than its input. */
export function carriedBy(given: unknown): Carried | null {
  if (workflowInfo().continuedFromExecutionRunId === undefined) return null;
  const { report, plan, seen } = fieldsOf(given);
  const { tenants, shiftMs, awayMs, watchMs } = fieldsOf(plan);
  const names = Array.isArray(tenants) ? tenants.map((one) => fieldsOf(one).name as string) : [];
  const isPlan = [shiftMs, awayMs, watchMs].every(Number.isFinite) && names.every((name) => typeof name === 'string');
  const isSeen = [seen, report].every((one) => parseProductionSeen({ ...fieldsOf(one), bakingSince: null }, names));
  return isPlan && isSeen ? (given as Carried) : null;
}
