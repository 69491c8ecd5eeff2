import { digestOf } from '../../src/contract/move.js';
import { shortSha } from '../../src/contract/sha.js';
import { unverified } from '../../src/domain/approvers.js';
import { planReads, registryReads } from '../shared/activity-options.js';
import { failure } from '../shared/failures.js';
import { finish, setPhase } from '../shared/run.js';
import { isOwnApproval, NO_PLAN, type Phase, type Release } from './context.js';
import { holdOnFault } from './hold.js';
import { heldForTenants, isTooFew } from './members.js';
import { noteOpen } from './watched.js';

/** Reads the plan and the digest of each image, once: no others count from here on. */
export const resolving: Phase<'awaiting-canary' | 'awaiting-approval' | 'resolving' | 'queued' | 'done'> = async (
  release,
) => {
  const { input, state } = release;
  // A release that starts over keeps its plan, unless a tenant is set aside: a new configuration never changes a run half-way.
  if (release.plan === NO_PLAN) {
    setPhase(release, 'resolving', 'reading the plan');
    release.plan = await planReads().loadPlan(input);
    keepApprovers(release);
    delete state.fleetNotes;
    if (release.plan.fleetNotes) state.fleetNotes = release.plan.fleetNotes;
    if (input.promoteOnly && release.plan.promoteVerified && release.verified === null)
      throw failure('MoveRefused', unverified('promote'), { refusal: 'unverified' });
  }
  release.accepted = isOwnApproval(release);
  const { tenants, approval, minTenants } = release.plan;
  const hasFleet = tenants.length > 0 || minTenants !== undefined;
  if (release.alreadyLive === null && !hasFleet && approval === 'auto' && !input.promoteOnly)
    return finish(release, {
      outcome: 'skipped',
      why: 'no canary fleet is configured: nothing was tested, nothing moved',
    });
  if (release.alreadyLive === null && isTooFew(release) && !input.promoteOnly) return heldForTenants(release);
  await pinDigests(release);
  if (release.alreadyLive !== null) {
    if (release.pinned.every(({ digest, latest }) => digest === latest))
      return finish(release, {
        outcome: 'promoted',
        why: `:latest of every image is on this build ${release.alreadyLive}`,
      });
    // The registry disagrees with the ledger: the build is not live, and is tested like any other.
    release.request = { ...release.request, recheck: true };
    return 'queued';
  }
  state.images = release.pinned;
  if (tenants.length > 0 && !input.promoteOnly) return 'awaiting-canary';
  if (release.rejected === null) release.notTested.push({ kind: 'not-tested', text: 'NOT TESTED BY CANARY' });
  return 'awaiting-approval';
};

/** Keeps who may approve, for every decision from now on. */
function keepApprovers({ input, plan, state, verified }: Release): void {
  delete state.approvers;
  const by = input.requestedBy ?? '';
  const requester = verified ? { by, verified } : by.trim() ? { by } : null;
  if (plan.approvers) state.approvers = { ...plan.approvers, requester };
}

/** Pins the digest of each image. A release that starts over keeps the `:latest` that it saw first, because it did not move it since (invariant I8).
 * What was pushed again since is for a person: no tenant tells the images of one build apart (invariant I3). */
async function pinDigests(release: Release): Promise<void> {
  const { input, plan, pinned: seen } = release;
  const read = await holdOnFault(release, () => {
    setPhase(release, 'resolving', 'reading the digest of each image');
    return registryReads(plan, `pin the digests of ${shortSha(input.sha)}`).resolveBuild(
      input.sha,
      plan.images,
      ...(plan.optional ? [plan.optional] : []),
    );
  });
  const latestSeen = seen.map(({ repository, latest }) => ({ repository, digest: latest }));
  const again = read.filter(({ repository, digest }) =>
    seen.some((image) => image.repository === repository && image.digest !== digest),
  );
  noteOpen(
    release,
    'repushed',
    again.map(({ repository }) => ({
      about: repository,
      text: `${repository} was pushed again during this release: a tenant that was not restarted since runs the earlier image, and reports the same build`,
    })),
  );
  release.pinned = read.map((image) =>
    seen.length === 0 ? image : { ...image, latest: digestOf(latestSeen, image.repository) },
  );
  release.state.images = release.pinned;
}
