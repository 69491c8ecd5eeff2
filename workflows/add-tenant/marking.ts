import { reads } from '../shared/activity-options.js';
import { retryOnceAfterTimeout } from '../shared/failures.js';
import { type AddPhaseRun, enter, leftAlone, stop } from './context.js';

/** Marks the org as a canary, before it has an instance. */
export const marking: AddPhaseRun = async (run) => {
  const { slug, recreate } = run.input;
  enter(run, 'marking', 'the org becomes a canary, so that its instance goes to the canary account');
  const marked = await retryOnceAfterTimeout(() => reads(`mark ${slug} as a canary`).markOrg(slug, run.isCreated));
  if (marked === 'marked') return 'provisioning';
  if (marked !== 'provisioned') return leftAlone(run, marked);
  if (run.isRecreated)
    return stop(run, 'control-plane', 'the control plane provisions an org at once, so that no mark comes in time');
  if (recreate === undefined)
    return stop(
      run,
      'already-provisioned',
      'it has an instance outside of the canary account, which --recreate would delete',
    );
  return 'recreating';
};
