import { z } from 'zod';
import type { Ended } from './canary.js';
import { StoryError } from './failure.js';

/** What the story reads of the object that `canary … -o json` prints. */
const REPORT = z.object({
  outcome: z.string(),
  why: z.string(),
  tenants: z
    .array(z.object({ tenant: z.string(), checks: z.array(z.object({ check: z.string(), verdict: z.string() })) }))
    .default([]),
});

/** How a run ended, and each check that failed with the tenants it failed on.
 * @throws {StoryError} when the command printed no report: `said` is then its own last word. */
export function reportOf({ result, code, said }: Ended) {
  const parsed = REPORT.safeParse(result);
  if (!parsed.success) throw new StoryError(`canary ended with exit ${code} and no report; it said: ${said}`);
  const { outcome, why, tenants } = parsed.data;
  const failed = new Map<string, string[]>();
  for (const { tenant, checks } of tenants)
    for (const { check, verdict } of checks)
      if (verdict === 'fail') failed.set(check, [...(failed.get(check) ?? []), tenant]);
  return { outcome, why, failed: [...failed].map(([check, names]) => ({ check, tenants: names })) };
}
