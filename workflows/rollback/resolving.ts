import type { Repository } from '../../src/contract/image.js';
import { shortSha } from '../../src/contract/sha.js';
import { unverified } from '../../src/domain/approvers.js';
import {
  belowFloor,
  foreignRevisions,
  leftOut,
  missingAttestations,
  missingPlatforms,
  pushedAgain,
  unreadFloor,
} from '../../src/domain/one-build.js';
import { laneCalls, reads } from '../shared/activity-options.js';
import { failure, retryOnceAfterTimeout } from '../shared/failures.js';
import { setPhase } from '../shared/run.js';
import { nullIfUnanswered, type RollbackRun } from './context.js';

/** Checks that every image of the build, with all its manifests, is in the registry. */
export async function resolving(run: RollbackRun): Promise<'announcing'> {
  const { input, state } = run;
  setPhase(run, 'resolving', 'every image of the build must be in the registry');
  const short = shortSha(input.sha);
  const [gate, known] = await Promise.all([
    retryOnceAfterTimeout(() => reads('read the images of the gate').loadImages(input.sha)),
    laneCalls(`ask the lane for the digests of ${short}`, '10s').knownBuild(input.sha).catch(nullIfUnanswered),
  ]);
  if (gate.rollbackVerified && run.verified === null) throw needsIdentity(run);
  const { left = [] } = gate;
  // The gate may have got another image since that build, or lost one.
  const images = known?.map(({ repository }) => repository).filter((image) => !left.includes(image)) ?? gate.images;
  const [pinned, tags] = await retryOnceAfterTimeout(() =>
    Promise.all([
      reads(`check that every image of ${short} is there`).resolveTarget(
        input.sha,
        images,
        known ?? [],
        ...(gate.optional ? [gate.optional] : []),
      ),
      reads(`read the tag of ${short}`).readBuildTags(input.sha, images),
    ]),
  );
  state.images = pinned;
  run.pinned = pinned;
  const isPinned = (repository: Repository) => pinned.some((image) => image.repository === repository);
  const notMoved = [...gate.images, ...left].filter((repository) => !isPinned(repository));
  if (notMoved.length > 0) state.notMoved = notMoved;
  const absent = images.filter((repository) => !isPinned(repository));
  if (gate.tag !== undefined) run.tag = gate.tag;
  const doubts = [
    ...foreignRevisions(input, pinned).map(({ text }) => text),
    ...pushedAgain(pinned, tags),
    ...belowFloor(pinned),
    // A person may know that there was no migration; a policy does not.
    ...(input.onlyFrom === undefined ? [] : unreadFloor(pinned)),
    ...missingPlatforms(pinned),
    ...leftOut(absent),
  ];
  const warnings = [...(run.notVerified ? [run.notVerified] : []), ...missingAttestations(pinned)];
  if (warnings.length > 0) state.warnings = warnings;
  if (doubts.length > 0 && !input.force) throw failure('MoveRefused', doubts.join('; '), { refusal: 'needs-force' });
  return 'announcing';
}

/** Refusal of a rollback that must be verified and is not. The fix names the way that needs no issuer. */
function needsIdentity({ input, notVerified }: RollbackRun): Error {
  const why = `${unverified('rollback')}${notVerified ? `; ${notVerified}` : ''}`;
  const last = `canary rollback ${input.sha} --reason … --direct --force moves without Temporal, with the registry's credentials`;
  return failure('MoveRefused', `${why}; if the issuer is down, ${last}`, { refusal: 'unverified' });
}
