import { checksWith, verdictOf } from '../../src/contract/tenants/check.js';
import { instanceWaits, reads } from '../shared/activity-options.js';
import { retryOnceAfterTimeout } from '../shared/failures.js';
import { type AddPhaseRun, enter, stop } from './context.js';

/** Takes the admin token into the secret store. It passes through no history: the activity fetches and keeps it. */
export const storing: AddPhaseRun = async (run) => {
  const { slug } = run.input;
  enter(run, 'storing', 'the admin token goes into the secret store of the worker');
  await retryOnceAfterTimeout(() => reads(`store the admin token of ${slug}`).storeToken(slug));
  return 'checking';
};

/** Runs the build probe and the suite on the tenant. */
export const checking: AddPhaseRun = async (run) => {
  const { slug } = run.input;
  enter(run, 'checking', 'the tenant reports its build, and the smoke suite runs on it');
  const { checkMs: forMs = 0, joins = false } = run.plan ?? {};
  const checks = instanceWaits(forMs, `smoke ${slug}`);
  const { build, why, smoke } = await checks.checkNewTenant(slug, joins, Date.now() + forMs);
  run.status.build = build;
  const verdict = verdictOf([smoke]);
  if (verdict === 'fail') return stop(run, 'red', checksWith('fail', [smoke]).join('; '));
  if (verdict !== 'pass') return stop(run, 'untested', checksWith('could-not-test', [smoke]).join('; '));
  if (build === null && why !== null) return stop(run, 'untested', `it reports no build: ${why}`);
  return joins ? 'joining' : 'done';
};

/** Makes the tenant a member of the fleet file. */
export const joining: AddPhaseRun = async (run) => {
  const { slug } = run.input;
  enter(run, 'joining', 'the fleet file is rewritten with the tenant in it');
  await retryOnceAfterTimeout(() => reads(`add ${slug} to the fleet file`).joinFleet(slug));
  return 'done';
};
