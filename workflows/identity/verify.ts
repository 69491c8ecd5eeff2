import { isCancellation, proxyActivities, upsertSearchAttributes } from '@temporalio/workflow';
import type { ReleaseActivities } from '../../activities/index.js';
import type { VerifiedIdentity } from '../../src/contract/identity.js';
import { CanaryRequestedBy } from '../../src/contract/search-attributes.js';
import { shownPerson } from '../../src/domain/approvers.js';
import { READS } from '../shared/activity-options.js';
import { unwrapFailure } from '../shared/failures.js';

/** Run that a person requested, by a name or by a verified identity. */
interface Requested {
  input: { requestedBy?: string };
  verified: VerifiedIdentity | null;
}

/** Who requested a run, as people read it. */
export const requesterOf = ({ input: { requestedBy }, verified }: Requested): string | undefined =>
  verified ? shownPerson({ by: requestedBy ?? '', verified }) : requestedBy;

/** What a report says of who requested the run. */
export function reportedRequester(run: Requested): { requestedBy?: string; verified?: VerifiedIdentity } {
  const requestedBy = requesterOf(run);
  return { ...(requestedBy !== undefined && { requestedBy }), ...(run.verified && { verified: run.verified }) };
}

/**
 * Verifies a token, once. From then on only the claims are kept.
 * @param within longest wait for its issuer: a token is valid for minutes, and a rollback cannot wait.
 */
export async function verifyToken(
  token: string,
  within: '2m' | '15s',
): Promise<{ verified: VerifiedIdentity } | { refusal: string }> {
  const { verifyIdentity } = proxyActivities<ReleaseActivities>({
    ...READS,
    startToCloseTimeout: '15s',
    scheduleToCloseTimeout: within,
    summary: 'verify who requests it',
  });
  try {
    return { verified: await verifyIdentity(token) };
  } catch (error) {
    if (isCancellation(error)) throw error;
    return { refusal: `the token was not verified: ${unwrapFailure(error).message}` };
  }
}

/** Verifies the token that a run was started with; returns why it is refused, or null. */
export async function identify(run: Requested, token: string | null, within: '2m' | '15s'): Promise<string | null> {
  if (token === null) return null;
  const result = await verifyToken(token, within);
  if ('refusal' in result) return result.refusal;
  run.verified = result.verified;
  upsertSearchAttributes([{ key: CanaryRequestedBy, value: requesterOf(run) ?? null }]);
  return null;
}
