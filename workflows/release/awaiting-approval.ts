import { foreignRevisions } from '../../src/domain/one-build.js';
import { describeRejection } from '../../src/lane/ledger.js';
import { isOwnApproval, ownApprovalRefusal, type Phase, type Release } from './context.js';
import { holdFor, waitWhilePaused } from './hold.js';
import { confirmHolder } from './lane.js';
import { heldForTenants, isTooFew } from './members.js';

/** Waits for an approval if one is required, something is untested, or the lane is on hold. `promoteOnly` is its own approval, if its requester may approve. */
export const awaitingApproval: Phase<'promoting' | 'awaiting-approval' | 'resolving' | 'queued' | 'done'> = async (
  release,
) => {
  const confirmed = await confirmHolder(release);
  if ('next' in confirmed) return confirmed.next;
  // Tenants may have gone into quarantine since the smoke.
  if (isTooFew(release) && !release.input.promoteOnly) return heldForTenants(release);
  const { pause, hold } = confirmed.status;
  if (pause) {
    await waitWhilePaused(release, pause);
    return 'awaiting-approval';
  }
  if (isOwnApproval(release)) return 'promoting';
  const doubts = doubtsOf(release);
  if (hold && !release.accepted) {
    const name = hold.name === 'after-rollback' ? 'after-rollback' : 'latest-moved';
    const { verb } = await holdFor(release, name, [hold.why, ...doubts].join('; '));
    if (verb !== 'approve') return 'awaiting-approval';
    release.accepted = true;
  } else if (doubts.some((doubt) => !release.approved.includes(doubt)))
    await holdFor(release, 'approval', doubts.filter((doubt) => !release.approved.includes(doubt)).join('; '));
  release.approved = doubts;
  return 'promoting';
};

/** Doubts that only a person can accept, one line each. */
function doubtsOf({ input, plan, state, pinned, notTested, rejected }: Release): string[] {
  const refusal = input.promoteOnly ? ownApprovalRefusal(state) : null;
  return [
    ...(refusal === null ? [] : [refusal]),
    ...(plan.approval === 'required' ? ['approval is required'] : []),
    ...(rejected ? [describeRejection(rejected)] : []),
    ...notTested,
    ...foreignRevisions(input, pinned),
    ...pinned
      .filter(({ latest }) => latest === null)
      .map(({ repository }) => `${repository} has no :latest yet, so nothing can be restored`),
  ];
}
