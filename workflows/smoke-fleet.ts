import { checksWith, type TenantSmoke, verdictOf } from '../src/contract/check.js';
import type { PlannedTenant } from '../src/contract/release.js';
import type { Release } from './release/context.js';
import { holdOnFault } from './resolve.js';
import { smokes } from './shared/activity-options.js';
import { holdFor } from './shared/decisions.js';
import { failure, setPhase } from './shared/run.js';

/** Activities that one run starts at a time; the server keeps a run with more than 2,000 waiting for ever (protocol §8). */
const GROUP = 200;

/** Lines of what was not tested that a report keeps. */
const MAX_NOTES = 50;

function noteUntested({ notTested }: Release, lines: string[]): void {
  const kept = lines.slice(0, MAX_NOTES);
  if (lines.length > kept.length) kept.push(`and ${lines.length - kept.length} more`);
  notTested.push(...kept.filter((line) => !notTested.includes(line)));
}

/** Smokes every tenant side by side; those that could not be tested are a human's to decide. */
export async function smoke(release: Release): Promise<void> {
  const { plan, state } = release;
  let tenants = plan.tenants;
  for (;;) {
    setPhase(state, 'smoking', `${tenants.length} of ${plan.tenants.length} tenants`);
    const results = await smokeAll(release, tenants);
    const kept = state.tenants.filter(({ tenant }) => !tenants.some(({ name }) => name === tenant));
    state.tenants = [...kept, ...results];
    const verdict = verdictOf(state.tenants);
    if (verdict === 'fail') throw failure('CanaryRejected', `RED: ${checksWith('fail', state.tenants).join(', ')}`);
    // The verdict is as old as its oldest part.
    if (tenants === plan.tenants) release.greenAt = Date.now();
    if (verdict === 'pass') return;
    const open = checksWith('could-not-test', state.tenants);
    const { verb } = await holdFor(release, 'could-not-test', open.join(', '));
    if (verb === 'approve') {
      noteUntested(
        release,
        open.map((check) => `could not test ${check}`),
      );
      return;
    }
    const untested = state.tenants.filter((result) => verdictOf([result]) === 'could-not-test');
    tenants = plan.tenants.filter(({ name }) => untested.some(({ tenant }) => tenant === name));
  }
}

function smokeAll(release: Release, tenants: PlannedTenant[]): Promise<TenantSmoke[]> {
  const { plan } = release;
  const { smokeTenant } = smokes(plan);
  const one = (tenant: PlannedTenant) =>
    smokeTenant.executeWithOptions({ summary: `smoke ${tenant.name}` }, [tenant, plan.patienceMs.secret]);
  return holdOnFault(release, async () => {
    const results: TenantSmoke[] = [];
    for (let index = 0; index < tenants.length; index += GROUP) {
      // One that fails does not leave the others behind at work.
      const group = tenants.slice(index, index + GROUP).map(one);
      await Promise.allSettled(group);
      results.push(...(await Promise.all(group)));
    }
    return results;
  });
}
