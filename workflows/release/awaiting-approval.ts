import { isSamePoint, type OpenPoint } from '../../src/contract/hold.js';
import type { HolderStatus, LaneHold } from '../../src/contract/lane.js';
import { digestOf, whereItStands } from '../../src/contract/move.js';
import { foreignRevisions } from '../../src/domain/one-build.js';
import { openRejection } from '../../src/lane/ledger.js';
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
  const points = openPointsOf(release);
  const unapproved = points.filter((point) => !release.approved.some((one) => isSamePoint(one, point)));
  if (hold && !release.accepted) {
    const name = hold.name === 'after-rollback' ? 'after-rollback' : 'latest-moved';
    const moved = movedSince(release, confirmed.status, hold);
    const { verb } = await holdFor(release, name, [hold.why, ...moved, ...textsOf(points)].join('; '));
    if (verb !== 'approve') return 'awaiting-approval';
    release.accepted = true;
  } else if (unapproved.length > 0) await holdFor(release, 'approval', textsOf(unapproved).join('; '));
  release.approved = points;
  return 'promoting';
};

/** Images that an approval would write over although the gate did not leave them there: the hold may be about something else, or about where they were before. */
const movedSince = ({ pinned }: Release, { expectedLatest }: HolderStatus, { moved = [] }: LaneHold): string[] =>
  pinned.flatMap(({ repository, digest, latest }) =>
    [digest, digestOf(expectedLatest, repository), digestOf(moved, repository)].includes(latest)
      ? []
      : [`${whereItStands({ repository, digest: latest })}, not where the last move left it`],
  );

const textsOf = (points: OpenPoint[]) => points.map(({ text }) => text);

/** Open points that speak against an automatic move. */
function openPointsOf({ input, plan, state, pinned, notTested, rejected }: Release): OpenPoint[] {
  const refusal = input.promoteOnly ? ownApprovalRefusal(state) : null;
  return [
    ...(refusal === null ? [] : [{ kind: 'own-approval' as const, text: refusal }]),
    ...(plan.approval === 'required' ? [{ kind: 'approval-required' as const, text: 'approval is required' }] : []),
    ...openRejection(rejected),
    ...notTested,
    ...foreignRevisions(input, pinned),
    ...pinned
      .filter(({ latest }) => latest === null)
      .map(({ repository }): OpenPoint => {
        const text = `${repository} has no :latest yet, so nothing can be restored`;
        return { kind: 'no-latest', about: repository, text };
      }),
  ];
}
