import { type Config, planRelease } from '../src/config.js';
import type { Plan, ReleaseInput } from '../src/domain/release.js';

export function createPlanActivities(config: Config, patienceMs: Plan['patienceMs']) {
  return {
    /** The first activity of a run: what it goes by to its end. */
    async loadPlan(input: ReleaseInput): Promise<Plan> {
      return planRelease(config, input, patienceMs);
    },
  };
}
