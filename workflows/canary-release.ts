import { CancellationScope } from '@temporalio/workflow';
import { fitReport } from '../src/domain/fit-report.js';
import { parseReleaseInput } from '../src/domain/inputs.js';
import { releaseId } from '../src/domain/names.js';
import { foreignRevisions } from '../src/domain/one-build.js';
import type { PinnedImage, Plan, ReleaseInput, ReleaseReport } from '../src/domain/release.js';
import { approve, promote, promotedBy } from './approve-and-promote.js';
import { type Desk, takeDecisions } from './decisions.js';
import { endRun } from './end-run.js';
import { openPlan, pinDigests } from './resolve.js';
import { beginRun, readInput } from './run-state.js';
import { timesOf } from './run-times.js';
import { testBuild } from './test-build.js';
import { hearOfLostTurn, TurnChanged, takeTurn } from './turn.js';

/** One release on its way: what its steps share. */
export interface Release extends Desk {
  input: ReleaseInput;
  plan: Plan;
  pinned: PinnedImage[];
  /** When the smoke was green, epoch ms. */
  greenAt: number;
  /** What nobody tested or confirmed; a human has to know it. */
  notTested: string[];
  /** A human accepted where `:latest` stands, and whatever holds the lane. */
  accepted: boolean;
}

/** Takes one build from `:staging-<sha>` to `:latest`, or says why not. */
export async function CanaryRelease(typed: unknown): Promise<ReleaseReport> {
  const input = readInput(() => parseReleaseInput(typed), releaseId);
  const state = beginRun(input);
  const scope = new CancellationScope();
  const desk: Desk = { state, holds: 0, holdTimeoutMs: 0, holdGraceMs: 0, onAbort: () => scope.cancel() };
  takeDecisions(desk);
  hearOfLostTurn(desk);
  const notTested: string[] = [];
  const report = (outcome: ReleaseReport['outcome'], why: string): ReleaseReport => {
    const { images, tenants, decisions } = state;
    const told = { ...input, outcome, why: gist(why), images, tenants, decisions, notTested, ...timesOf(state) };
    return fitReport<ReleaseReport>(told);
  };

  return endRun(
    state,
    report,
    () => inTurn(desk, input, () => promoteIfGreen(desk, input, notTested, report)),
    scope,
    () => desk.lost,
  );
}

/** Runs the steps when it is this build's turn, and from the start again when that turn was lost on the way. */
async function inTurn<R>(
  desk: Desk,
  { sha, sequence, promoteOnly, force }: ReleaseInput,
  steps: () => Promise<R>,
): Promise<R> {
  const byWord = promoteOnly === true || force === true;
  for (;;)
    try {
      await takeTurn(desk, { sha, ...(sequence !== undefined && { sequence }), ...(byWord && { byWord }) });
      return await steps();
    } catch (error) {
      if (!(error instanceof TurnChanged)) throw error;
    }
}

async function promoteIfGreen(
  desk: Desk,
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
