import type { AddStop, OrgNow } from '../../src/contract/tenants/added.js';
import { instanceWaits, reads } from '../shared/activity-options.js';
import { retryOnceAfterTimeout } from '../shared/failures.js';
import { type AddPhaseRun, enter, leftAlone, stop } from './context.js';

/** Deletes the instance, as the input confirms, and begins again. */
export const recreating: AddPhaseRun = async (run) => {
  const { slug } = run.input;
  enter(run, 'recreating', 'the org and all its data are deleted, as --recreate confirms');
  const deleted = await retryOnceAfterTimeout(() => reads(`delete ${slug}`).deleteOrg(slug));
  if (deleted !== 'done') return leftAlone(run, deleted);
  run.isRecreated = true;
  return 'creating';
};

/** What an instance that does not run means. */
const STOPS: Record<Exclude<OrgNow['state'], 'running'>, AddStop> = {
  absent: 'org-gone',
  new: 'instance-slow',
  coming: 'instance-slow',
  failed: 'instance-failed',
};

/** Starts the instance, and waits until it runs. */
export const provisioning: AddPhaseRun = async (run) => {
  const { input, status, plan } = run;
  const { slug, recreate } = input;
  enter(run, 'provisioning', 'the instance is started, and polled until it runs');
  await retryOnceAfterTimeout(() => reads(`provision ${slug}`).provisionOrg(slug));
  const forMs = plan?.instanceMs ?? 0;
  const seen = await instanceWaits(forMs, `wait until ${slug} runs`).awaitInstance(slug, Date.now() + forMs);
  status.origin = seen.origin;
  if (seen.origin !== null) return plan?.joins ? 'storing' : 'checking';
  if (seen.state === 'failed' && recreate !== undefined && !run.isRecreated) return 'recreating';
  if (seen.state === 'running' || seen.isCanary === false)
    return stop(run, 'org-gone', 'the control plane no longer has it as a canary');
  const reason = seen.state === 'failed' ? `its instance failed: ${seen.why}` : seen.why;
  return stop(run, STOPS[seen.state], reason);
};
