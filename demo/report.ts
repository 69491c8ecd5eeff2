import { z } from 'zod';
import type { Ended } from './canary.js';
import { StoryError } from './failure.js';

/** Parts of the object of `canary … -o json` that the story reads. */
const REPORT = z.object({
  outcome: z.string(),
  why: z.string(),
  tenants: z
    .array(z.object({ tenant: z.string(), checks: z.array(z.object({ check: z.string(), verdict: z.string() })) }))
    .default([]),
});

/** Outcome of a run, and each failed check with its tenants.
 * @throws {StoryError} if the command printed no report. */
export function reportOf({ result, code, lastLine }: Ended) {
  const parsed = REPORT.safeParse(result);
  if (!parsed.success) throw new StoryError(`canary exited with ${code} and no report: ${lastLine}`);
  const { outcome, why, tenants } = parsed.data;
  const failed = new Map<string, string[]>();
  for (const { tenant, checks } of tenants)
    for (const { check, verdict } of checks)
      if (verdict === 'fail') failed.set(check, [...(failed.get(check) ?? []), tenant]);
  return { outcome, why, failed: [...failed].map(([check, names]) => ({ check, tenants: names })) };
}
