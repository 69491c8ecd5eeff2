import { CancellationScope } from '@temporalio/workflow';
import { releaseId } from '../src/contract/ids.js';
import type { ReleaseInput, ReleaseReport } from '../src/contract/release.js';
import { fitReport } from '../src/domain/fit.js';
import { parseReleaseInput } from '../src/domain/inputs.js';
import { foreignRevisions } from '../src/domain/one-build.js';
import { approve, promote, promotedBy } from './approve-and-promote.js';
import type { Release, RunContext } from './release/context.js';
import { holdOnFault, openPlan, pinDigests } from './resolve.js';
import { registryReads } from './shared/activity-options.js';
import { handleDecisions } from './shared/decisions.js';
import { endRun } from './shared/end-run.js';
import { beginRun, readInput, timesOf } from './shared/run.js';
import { testBuild } from './test-build.js';
import { acquireLane, handleRevocation, LaneChanged } from './turn.js';

/** Takes one build from `:staging-<sha>` to `:latest`, or says why not. */
export async function CanaryRelease(typed: unknown): Promise<ReleaseReport> {
  const input = readInput(() => parseReleaseInput(typed), releaseId);
  const state = beginRun(input);
  const scope = new CancellationScope();
  const desk: RunContext = { state, holds: 0, holdTimeoutMs: 0, holdGraceMs: 0, onAbort: () => scope.cancel() };
  handleDecisions(desk);
  handleRevocation(desk);
  const notTested: string[] = [];
  const report = (outcome: ReleaseReport['outcome'], why: string): ReleaseReport => {
    const { images, tenants, decisions } = state;
    const told = { ...input, outcome, why: gist(why), images, tenants, decisions, notTested, ...timesOf(state) };
    return fitReport<ReleaseReport>(told);
  };

  return endRun(
    state,
    report,
    () =>
      inTurn(
        desk,
        input,
        () => promoteIfGreen(desk, input, notTested, report),
        (since) => stillLive(desk, input, since, report),
      ),
    scope,
    () => desk.revocation,
  );
}

/** Runs the steps when it is this build's turn, and from the start again when that turn was lost on the way. */
async function inTurn<R>(
  desk: RunContext,
  { sha, sequence, promoteOnly, force }: ReleaseInput,
  steps: () => Promise<R>,
  whenLive: (since: string) => Promise<R | null>,
): Promise<R> {
  const manual = promoteOnly === true || force === true;
  const asked = { sha, ...(sequence !== undefined && { sequence }), ...(manual && { manual }) };
  for (let anew = false; ; )
    try {
      const live = await acquireLane(desk, { ...asked, ...(anew && { recheck: anew }) });
      if (live === null) return await steps();
      const done = await whenLive(live);
      if (done !== null) return done;
      anew = true;
    } catch (error) {
      if (!(error instanceof LaneChanged)) throw error;
    }
}

/** A build that was promoted before answers at once, if its tag and `:latest` are where the ledger has them; null when they are not. */
async function stillLive(
  desk: RunContext,
  input: ReleaseInput,
  since: string,
  report: (outcome: ReleaseReport['outcome'], why: string) => ReleaseReport,
): Promise<ReleaseReport | null> {
  const { state } = desk;
  const plan = await openPlan(desk, input);
  const pinned = await holdOnFault(desk, () =>
    registryReads(plan, 'is it still live?').resolveBuild(input.sha, plan.images),
  );
  if (pinned.some(({ digest, latest }) => digest !== latest)) return null;
  state.images = pinned;
  return report('promoted', `:latest of every image is on this build ${since}`);
}

async function promoteIfGreen(
  desk: RunContext,
  input: ReleaseInput,
  notTested: string[],
  report: (outcome: ReleaseReport['outcome'], why: string) => ReleaseReport,
): Promise<ReleaseReport> {
  const { state } = desk;
  const plan = await openPlan(desk, input);
  const release: Release = Object.assign(desk, { input, plan, pinned: [], greenAt: 0, notTested, accepted: false });
  const untested = plan.tenants.length === 0 || input.promoteOnly === true;
  if (plan.tenants.length === 0 && plan.approval === 'auto' && !input.promoteOnly)
    return report('skipped', 'no canary fleet is configured: nothing was tested, nothing moved');

  await pinDigests(release);
  if (untested) notTested.push('NOT TESTED BY CANARY');
  else await testBuild(release);
  await approve(release);
  state.images = await promote(release);
  notTested.push(...foreignRevisions(input, release.pinned));
  return report('promoted', promotedBy(state.images, notTested));
}

/** A thousand red checks make a long line; the report has them one by one. */
const MAX_GIST = 2_000;
const gist = (why: string) => (why.length > MAX_GIST ? `${why.slice(0, MAX_GIST)} …` : why);
