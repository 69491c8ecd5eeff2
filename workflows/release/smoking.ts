import { digestOf } from '../../src/contract/move.js';
import type { PlannedTenant } from '../../src/contract/release.js';
import { checksWith, type TenantSmoke, tenantsWith, verdictOf } from '../../src/contract/tenants/check.js';
import { registryReads, smokes } from '../shared/activity-options.js';
import { finish, setPhase } from '../shared/run.js';
import type { Phase, Release } from './context.js';
import { holdFor, holdOnFault } from './hold.js';
import { confirmHolder } from './lane.js';
import { heldForTenants, isTooFew } from './members.js';
import { startOver } from './watch.js';
import { noteOpen } from './watched.js';

/** Most activities that one run starts at a time: a run with more than 2,000 pending never completes its workflow task. */
const GROUP = 200;

/** Smokes every tenant, then confirms that the tested build is the pinned one. */
export const smoking: Phase<'awaiting-approval' | 'resolving' | 'smoking' | 'queued' | 'done'> = async (release) => {
  const confirmed = await confirmHolder(release);
  if ('next' in confirmed) return confirmed.next;
  if (isTooFew(release)) return heldForTenants(release);
  const next = await smokeFleet(release);
  if (next !== null) return next;
  if (await isRepushed(release)) {
    await holdFor(release, 'build-repushed', 'the tag of an image moved while the build was tested');
    return startOver(release, 'resolving');
  }
  return 'awaiting-approval';
};

/** Smokes the tenants in parallel; a person decides about checks that could not be tested. @returns null if no check failed. */
async function smokeFleet(release: Release): Promise<'done' | 'smoking' | null> {
  const { state, plan, untested } = release;
  release.untested = null;
  const tenants = plan.tenants.filter(({ name }) => untested === null || untested.includes(name));
  setPhase(release, 'smoking', `${tenants.length} of ${plan.tenants.length} tenants`);
  const results = await smokeAll(release, tenants);
  const kept = state.tenants.filter(({ tenant }) => !tenants.some(({ name }) => name === tenant));
  state.tenants = [...kept, ...results];
  const verdict = verdictOf(state.tenants);
  if (verdict === 'fail')
    return finish(release, { outcome: 'CanaryRejected', why: `RED: ${checksWith('fail', state.tenants).join(', ')}` });
  // The age of the verdict is that of its oldest part.
  if (untested === null) release.greenAt = Date.now();
  if (verdict === 'pass') {
    release.rejected = null;
    return null;
  }
  const open = checksWith('could-not-test', state.tenants);
  const { verb } = await holdFor(release, 'could-not-test', open.join(', '));
  if (verb === 'approve') {
    const points = open.map((check) => ({ about: check, text: `could not test ${check}` }));
    noteOpen(release, 'could-not-test', points);
    return null;
  }
  release.untested = tenantsWith('could-not-test', state.tenants);
  return 'smoking';
}

function smokeAll(release: Release, tenants: PlannedTenant[]): Promise<TenantSmoke[]> {
  const { plan, state } = release;
  const { smokeTenant } = smokes(plan);
  const one = (tenant: PlannedTenant) =>
    smokeTenant.executeWithOptions({ summary: `smoke ${tenant.name}` }, [
      tenant,
      plan.retryBudgetMs.secret,
      state.watched?.from ?? null,
    ]);
  return holdOnFault(release, async () => {
    const results: TenantSmoke[] = [];
    for (let index = 0; index < tenants.length; index += GROUP) {
      // Every activity of a group ends before the first failure is thrown, so none keeps running.
      const group = tenants.slice(index, index + GROUP).map(one);
      await Promise.allSettled(group);
      results.push(...(await Promise.all(group)));
    }
    return results;
  });
}

async function isRepushed(release: Release): Promise<boolean> {
  const { input, plan, pinned } = release;
  const tags = await holdOnFault(release, () =>
    registryReads(plan, 'read the tag of the build again').readBuildTags(input.sha, plan.images),
  );
  return pinned.some(({ repository, digest, unchanged }) => digestOf(tags, repository) !== (unchanged ? null : digest));
}
