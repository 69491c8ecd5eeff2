import { withoutControls } from '../../contract/brand.js';
import type { OrgNow, Slug } from '../../contract/tenants/added.js';
import type { Org } from './answers.js';

/** Longest reason of the control plane that is kept, in characters. */
const MAX_REASON = 300;

/** What a list of the control plane says of one org. */
export function orgNow(orgs: readonly Org[], slug: Slug): OrgNow {
  const found = orgs.find((one) => one.slug === slug);
  if (found === undefined)
    return { org: '', state: 'absent', isCanary: null, why: 'the control plane lists no such org' };
  const { id, instance_status: status, is_canary: isCanary = null, instance_error: reason } = found;
  const known = { org: id, isCanary };
  if (status === null || status === '') return { ...known, state: 'new', why: 'it has no instance yet' };
  if (status === 'running') return { ...known, state: 'running', why: 'its instance runs' };
  if (status !== 'failed') return { ...known, state: 'coming', why: `its instance is ${textOf(status)}` };
  const why = reason === undefined || reason === '' ? 'the control plane gives no reason' : textOf(reason);
  return { ...known, state: 'failed', why };
}

const textOf = (given: string) => withoutControls(given.slice(0, MAX_REASON));
