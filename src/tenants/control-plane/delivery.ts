import { withoutControls } from '../../contract/brand.js';
import type { Redeployed } from './answers.js';

/** Longest error of a tenant that is shown, in characters, and most tenants that are named. */
const [MAX_ERROR, MAX_NAMED] = [160, 10];

/** Status of a command that the control plane saw succeed. */
const SUCCESS = 'Success';

/** What a redeploy of the fleet came to: `ok` alone proves nothing, for it may have left out the tenant that goes first. What the result of a tenant leaves open is no success. */
export function judgeRedeploy({ ok, results }: Redeployed, canary: string): { delivered: boolean; why: string } {
  const failed = results.filter((one) => faultOf(one) !== null);
  if (failed.length > 0)
    return { delivered: false, why: `the control plane redeployed not all tenants: ${named(failed)}` };
  if (!ok) return { delivered: false, why: 'the control plane answered ok: false, and names no tenant' };
  if (!results.some(({ phase, slug }) => phase === 'canary' && slug === canary))
    return { delivered: false, why: `the control plane answered ok without the canary phase of ${canary}` };
  return { delivered: true, why: `the control plane redeployed ${results.length} tenants, ${canary} first` };
}

/** What is wrong with a tenant; null if its command succeeded and it is healthy, both said by the control plane. */
function faultOf({
  error,
  ssm_status: status,
  ssm_exit_code: exitCode,
  healthz_ok: isHealthy,
}: Redeployed['results'][number]): string | null {
  if (error) return error;
  if (isHealthy === false) return 'not healthy';
  if ((status ?? SUCCESS) !== SUCCESS) return `ended ${status || 'without a status'}`;
  if ((exitCode ?? 0) !== 0) return 'ended with an error';
  if ((status ?? exitCode ?? null) === null) return 'no result of its command';
  return isHealthy ? null : 'not known to be healthy';
}

function named(failed: Redeployed['results']): string {
  const lines = failed
    .slice(0, MAX_NAMED)
    .map((one) => `${one.slug} in ${one.phase}: ${faultOf(one)?.slice(0, MAX_ERROR)}`);
  const more = failed.length - lines.length;
  return withoutControls([...lines, ...(more > 0 ? [`and ${more} more`] : [])].join('; '));
}
