import { CancellationScope, isCancellation, log } from '@temporalio/workflow';
import type { FailureType } from '../src/contract/failures.js';
import { rollbackId } from '../src/contract/ids.js';
import type { Repository, Tag } from '../src/contract/image.js';
import type { MoveInput } from '../src/contract/move.js';
import type { PinnedImage, RollbackInput, RollbackOutcome, RollbackReport } from '../src/contract/release.js';
import { shortSha } from '../src/contract/sha.js';
import { parseRollbackInput } from '../src/domain/inputs.js';
import { foreignRevisions, missingAttestations, missingPlatforms, pushedAgain } from '../src/domain/one-build.js';
import { LEASE_MS } from '../src/lane/moves.js';
import { laneCalls, reads, tagWrites } from './shared/activity-options.js';
import { endRun } from './shared/end-run.js';
import { failure, retryOnceAfterTimeout, unwrapFailure } from './shared/failures.js';
import { beginRun, finish, type RunContext, readInput, runPhases, setPhase, timesOf } from './shared/run.js';
import { moveLatest } from './shared/start-move.js';

/** Context that the phases of one rollback share. */
interface RollbackRun extends RunContext {
  input: RollbackInput;
  pinned: PinnedImage[];
  /** Tag that the canary tenants follow, if the gate points it. */
  tag?: Tag;
  /** Time in which a write of another mover may still be in flight, in milliseconds; null if the lane did not answer. */
  leaseMs: number | null;
  /** Images of the gate that the build does not have. */
  notMoved: Repository[];
  /** What is wrong with the target, and does no harm. */
  warnings: string[];
}
type Phase = (run: RollbackRun) => Promise<'resolving' | 'announcing' | 'promoting' | 'done'>;

/** Phases of a rollback: each does its work and names the next. */
const PHASES: Record<Exclude<Awaited<ReturnType<Phase>>, 'done'>, Phase> = {
  resolving, //  → announcing
  announcing, // → promoting
  promoting, //  → done
};

/** Moves `:latest` of all images back to a build that is complete in each repository. */
export async function Rollback(typed: unknown): Promise<RollbackReport> {
  const input = readInput(() => parseRollbackInput(typed), rollbackId);
  const run: RollbackRun = {
    ...beginRun(input, 'resolving', new CancellationScope()),
    input,
    pinned: [],
    leaseMs: 0,
    notMoved: [],
    warnings: [],
  };
  const report = (outcome: RollbackOutcome | FailureType, why: string): RollbackReport => ({
    ...input,
    outcome,
    why,
    images: run.state.images,
    ...(run.leaseMs === null && { laneUnheard: true }),
    ...(run.warnings.length > 0 && { warnings: run.warnings }),
    ...(run.notMoved.length > 0 && { notMoved: run.notMoved }),
    ...timesOf(run.state),
  });
  return endRun(run, report, () => runPhases(PHASES, 'resolving', run));
}

/** Checks that every image of the build, with all its manifests, is in the registry. */
async function resolving(run: RollbackRun): ReturnType<Phase> {
  const { input, state } = run;
  setPhase(run, 'resolving', 'every image of the build must be in the registry');
  const short = shortSha(input.sha);
  const [gate, known] = await Promise.all([
    retryOnceAfterTimeout(() => reads('read the images of the gate').loadImages()),
    laneCalls(`ask the lane for the digests of ${short}`, '10s').knownBuild(input.sha).catch(nullIfUnanswered),
  ]);
  // The gate may have got another image since that build.
  const images = known?.map(({ repository }) => repository) ?? gate.images;
  run.notMoved = gate.images.filter((repository) => !images.includes(repository));
  const [pinned, tags] = await retryOnceAfterTimeout(() =>
    Promise.all([
      reads(`check that every image of ${short} is there`).resolveTarget(input.sha, images, known ?? []),
      reads(`read the tag of ${short}`).readBuildTags(input.sha, images),
    ]),
  );
  state.images = pinned;
  run.pinned = pinned;
  if (gate.tag !== undefined) run.tag = gate.tag;
  const doubts = [...foreignRevisions(input, pinned), ...pushedAgain(pinned, tags), ...missingPlatforms(pinned)];
  run.warnings = missingAttestations(pinned);
  if (doubts.length > 0 && !input.force) throw failure('MoveRefused', doubts.join('; '), { refusal: 'needs-force' });
  return 'announcing';
}

/** Announces the rollback to the lane, so that nothing else moves. It does not wait for a lane that does not answer. */
async function announcing(run: RollbackRun): ReturnType<Phase> {
  const { sha, reason, force = false, requestedBy: by = 'unknown' } = run.input;
  setPhase(run, 'announcing', `nothing else may move from now on; waits up to ${ANNOUNCING} for the lane`);
  const calls = laneCalls('announce the rollback to the lane', ANNOUNCING);
  const images = run.pinned.map(({ repository, digest }) => ({ repository, digest }));
  run.leaseMs = await calls.announceRollback({ sha, force, by, reason, images }).catch(nullIfUnanswered);
  if (run.leaseMs === null) log.warn('lane-unheard: the lane did not answer, and the rollback goes on', { sha });
  return 'promoting';
}

/** Longest wait for the lane before a rollback goes on without it. */
const ANNOUNCING = '15s';

function nullIfUnanswered(error: unknown): null {
  if (isCancellation(error) || unwrapFailure(error).type === 'MoveRefused') throw error;
  return null;
}

async function promoting(run: RollbackRun): ReturnType<Phase> {
  const { input, pinned, tag, leaseMs, state } = run;
  const unheard = leaseMs === null ? ' (lane-unheard: the lane did not answer)' : '';
  setPhase(run, 'promoting', `:latest of all images back to ${input.sha}${unheard}`);
  const move: MoveInput = {
    kind: 'rollback',
    sha: input.sha,
    images: pinned.map(({ repository, digest, latest }) => ({ repository, to: digest, from: latest })),
    by: input.requestedBy ?? 'unknown',
    reason: input.reason,
    ...(leaseMs === null && { laneUnheard: true }),
    ...(input.force && { force: true }),
  };
  const moved = await retryOnceAfterTimeout(() => moveLatest(run, move, undefined, leaseMs ?? LEASE_MS));
  state.images = moved;
  if (tag !== undefined) await pointCanaryTag(tag, pinned);
  const wasAlreadyLive = moved.every(({ previous, digest }) => previous === digest);
  return finish(
    run,
    wasAlreadyLive
      ? { outcome: 'already', why: `:latest of every image stood on ${input.sha} before` }
      : { outcome: 'rolled-back', why: `:latest of every image is back on ${input.sha}${others(run)}` },
  );
}

const others = ({ notMoved }: RollbackRun) =>
  notMoved.length > 0 ? `; ${notMoved.join(', ')} was not moved: that build does not have it` : '';

/** Points the canary tag back too, if the gate points it and no release holds the lane by now. */
async function pointCanaryTag(tag: Tag, images: PinnedImage[]): Promise<void> {
  try {
    await tagWrites(tag, '1m').pointTag(tag, images);
  } catch (error) {
    if (isCancellation(error)) throw error;
    log.warn('the canary tag was not pointed back', { tag, why: unwrapFailure(error).message });
  }
}
