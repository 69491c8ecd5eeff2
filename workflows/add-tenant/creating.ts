import { reads } from '../shared/activity-options.js';
import { retryOnceAfterTimeout } from '../shared/failures.js';
import { type AddPhaseRun, enter, stop } from './context.js';

/** Creates the org, or takes up the one that is there. */
export const creating: AddPhaseRun = async (run) => {
  const { slug } = run.input;
  enter(run, 'creating', 'the control plane creates the org, or has it');
  run.plan ??= await reads('read what adding a tenant changes').loadAddPlan(slug);
  if (run.plan.taken !== undefined) return stop(run, 'not-ours', run.plan.taken);
  const org = await retryOnceAfterTimeout(() => reads(`create the org ${slug}, or take it up`).takeUpOrg(slug));
  if (org.state === 'absent') return stop(run, 'org-gone', `the control plane took ${slug}, and does not list it`);
  run.isCreated = org.isCreated;
  return 'marking';
};
