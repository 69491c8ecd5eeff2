import { type Digest, parseRepository } from '../../src/contract/image.js';
import type { LaneRequest, LaneState, MoveDecision, MoveQuestion } from '../../src/contract/lane.js';
import type { MovedImage, MoveInput, TagState } from '../../src/contract/move.js';
import { parseSha } from '../../src/contract/sha.js';
import { adopt } from '../../src/lane/commands.js';
import { authorizeMove, reportMove } from '../../src/lane/moves.js';
import { enqueue, grant } from '../../src/lane/queue.js';
import { emptyLane } from '../../src/lane/state.js';

/** Time of these tests, epoch ms. */
export const NOON = Date.parse('2026-11-25T12:00:00Z');
export const ATTRIBUTION = { by: 'ada', reason: 'looked at it' };
const IMAGES = ['registry.example/platform', 'registry.example/platform-tenant'].map(parseRepository);

/** A sha from a few letters: `a` is `aaaaaaa`. */
export const shaOf = (letter: string) => parseSha(letter.repeat(7).slice(0, 7));
/** The digest of an image of a build. */
export const digestOf = (sha: string, image: number) =>
  `sha256:${(sha + image).padEnd(64, '0').slice(0, 64)}` as Digest;

export const run = (letter: string, more: Partial<LaneRequest> = {}): LaneRequest => ({
  workflowId: `canary-release-${shaOf(letter)}`,
  runId: `run-${letter}`,
  sha: shaOf(letter),
  ...more,
});
export const tagsOf = (letter: string): TagState[] =>
  IMAGES.map((repository, image) => ({ repository, digest: digestOf(shaOf(letter), image) }));

/** Lane that adopted `:latest` at a build. */
export function laneAt(letter: string): LaneState {
  const state = emptyLane();
  adopt(state, tagsOf(letter) as TagState[], shaOf(letter), ATTRIBUTION, NOON - 3_600_000);
  return state;
}

/** Question of the mover of a run. */
export function question(
  letter: string,
  latest: string,
  more: {
    kind?: MoveInput['kind'];
    mover?: string;
    parent?: string;
    from?: string;
    begun?: boolean;
  } & Pick<MoveInput, 'accepted' | 'manual' | 'force'> = {},
): MoveQuestion {
  const {
    kind = 'promotion',
    mover = `mover-${letter}`,
    parent = `run-${letter}`,
    from = latest,
    begun = false,
  } = more;
  const { accepted, manual, force } = more;
  const images = IMAGES.map((repository, image) => ({
    repository,
    to: digestOf(shaOf(letter), image),
    from: digestOf(shaOf(from), image),
  }));
  const input: MoveInput = {
    kind,
    sha: shaOf(letter),
    images,
    by: 'ada',
    reason: 'green',
    ...(accepted && { accepted }),
    ...(manual && { manual }),
    ...(force && { force }),
  };
  const workflowId = `${kind === 'rollback' ? 'rollback' : 'canary-release'}-${shaOf(letter)}`;
  return {
    moverRunId: mover,
    parent: { workflowId, runId: parent },
    input,
    begun,
    latest: kind === 'rollback' ? [] : tagsOf(latest),
  };
}

/** Result of each image of a move. */
export function done({ input }: MoveQuestion, result: MovedImage['result'] = 'promoted'): MovedImage[] {
  return input.images.map(({ repository, to, from }) => ({
    repository,
    digest: to,
    previous: from,
    result,
    latest: result === 'restored' ? from : to,
  }));
}

/** Promotes a build: its release acquires the lane, moves, reports and ends. */
export function promote(state: LaneState, letter: string, latest: string, now = NOON): MoveDecision {
  enqueue(state, run(letter));
  grant(state, now);
  const request = question(letter, latest);
  const decision = authorizeMove(state, request, now);
  if (decision.decision === 'allow') reportMove(state, { ...request, images: done(request) }, now);
  state.holder = null;
  return decision;
}
