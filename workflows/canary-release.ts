import { CancellationScope } from '@temporalio/workflow';
import type { FailureType } from '../src/contract/failures.js';
import { releaseId } from '../src/contract/ids.js';
import type { ReleaseInput, ReleaseOutcome, ReleaseReport } from '../src/contract/release.js';
import { verdictOf } from '../src/contract/tenants/check.js';
import { fitReport } from '../src/domain/fit.js';
import { parseReleaseInput, takeToken } from '../src/domain/inputs.js';
import { identify, reportedRequester } from './identity/verify.js';
import { awaitingApproval } from './release/awaiting-approval.js';
import { awaitingCanary, handleFleetSeen } from './release/awaiting-canary.js';
import { NO_PLAN, type Phase, type PhaseName, type Release } from './release/context.js';
import { handleRevocation } from './release/lane.js';
import { promoting } from './release/promoting.js';
import { queued } from './release/queued.js';
import { resolving } from './release/resolving.js';
import { smoking } from './release/smoking.js';
import { soaking } from './release/soaking.js';
import { whileWatched } from './release/watch.js';
import { handleDecisions } from './shared/decisions.js';
import { endRun } from './shared/end-run.js';
import { failure } from './shared/failures.js';
import { beginRun, ownRun, readInput, runPhases, timesOf } from './shared/run.js';

/**
 * Phases of a release: each does its work and names the next. Any of them may be held for a person. README: "What a release does".
 * The type of a phase lists those that it may name. `queued` leads to `resolving`. `soaking` leads to `smoking`; it, and a phase that is
 * watched, may also be left for `awaiting-canary` or `resolving` (it starts over), for `queued`, or for the end (RED, a newer build, revoked).
 * A phase names `queued` if the run has another fencing token (it was reset, `confirmHolder`), or if it must ask the lane again.
 */
const PHASES: Record<PhaseName, Phase> = {
  queued,
  resolving,
  'awaiting-canary': awaitingCanary,
  soaking,
  smoking: whileWatched(smoking),
  'awaiting-approval': whileWatched(awaitingApproval),
  promoting: whileWatched(promoting),
};

/** Takes one build from `:staging-<sha>` to `:latest`, or ends with the reason why not. */
export async function CanaryRelease(typed: unknown): Promise<ReleaseReport> {
  const { token, rest } = takeToken(typed);
  const release = beginRelease(readInput(() => parseReleaseInput(rest), releaseId));
  handleDecisions(release);
  handleRevocation(release);
  handleFleetSeen(release);
  return endRun(
    release,
    (outcome: ReleaseOutcome | FailureType, why) => reportOf(release, outcome, why),
    async () => {
      const refusal = await identify(release, token, '2m');
      if (refusal !== null) throw failure('MoveRefused', refusal, { refusal: 'unverified' });
      await runPhases(PHASES, 'queued', release);
    },
  );
}

function beginRelease(input: ReleaseInput): Release {
  const { sha, sequence, promoteOnly, force } = input;
  const manual = promoteOnly === true || force === true;
  return {
    ...beginRun(input, 'queued', new CancellationScope()),
    input,
    plan: NO_PLAN,
    verified: null,
    pinned: [],
    request: {
      sha,
      ...(sequence !== undefined && { sequence }),
      ...(manual && { manual }),
      ...(promoteOnly && { promoteOnly }),
      ...(force && { force }),
      ...ownRun(),
    },
    fencingToken: null,
    alreadyLive: null,
    pendingRevocation: null,
    holds: 0,
    watch: null,
    timesInterrupted: 0,
    untested: null,
    greenAt: 0,
    notTested: [],
    unreported: [],
    rejected: null,
    approved: [],
    startedOverAt: '',
    accepted: false,
    retriesLatest: false,
    moveTimedOut: false,
  };
}

function reportOf(release: Release, outcome: ReleaseReport['outcome'], why: string): ReleaseReport {
  const { input, state, notTested, rejected, greenAt } = release;
  const { images, tenants, decisions, fleetNotes, watched, interruptions } = state;
  const isGreen = greenAt > 0 && verdictOf(tenants) === 'pass';
  // A check that fails while `:latest` is moved does not stop the move.
  const verdict = verdictOf(tenants) === 'fail' ? 'RED' : isGreen ? 'GREEN' : undefined;
  return fitReport<ReleaseReport>({
    ...input,
    ...reportedRequester(release),
    outcome,
    why: cut(why),
    images,
    tenants,
    ...(verdict && { verdict }),
    ...(rejected && { rejected }),
    decisions,
    notTested,
    ...(fleetNotes && { fleetNotes }),
    ...(watched && { watched }),
    ...(interruptions && { interruptions }),
    ...timesOf(state),
  });
}

/** Longest reason, in characters: a thousand failed checks make a long line, and the report lists them one by one. */
const MAX_WHY = 2_000;
const cut = (why: string) => (why.length > MAX_WHY ? `${why.slice(0, MAX_WHY)} …` : why);
