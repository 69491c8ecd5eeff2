import { activityInfo } from '@temporalio/activity';
import { InvalidInput } from '../../src/contract/brand.js';
import { laneOf, parseRunId, releaseId, rollbackId, WORKFLOWS, watchProductionId } from '../../src/contract/ids.js';
import { parseRepository, parseTag, type Repository } from '../../src/contract/image.js';
import type { RunRef } from '../../src/contract/lane.js';
import type { MoveInput } from '../../src/contract/move.js';
import { parseSha } from '../../src/contract/sha.js';
import { parseReleaseInput, parseWatchInput } from '../../src/domain/inputs.js';
import {
  listOf,
  parseFleetWatchInput,
  parsePlan,
  parsePlannedTenant,
  parseWatchPlan,
  parseWatchState,
} from '../../src/domain/payloads/plan.js';
import { parseDrift } from '../../src/lane/drift.js';
import {
  parseMoveReport,
  parseRecordedImage,
  parseRollbackRequest,
  parseTagState,
} from '../../src/lane/payloads/parse.js';
import { parseLaneState } from '../../src/lane/payloads/state.js';
import { MoveRefusal } from '../../src/move/write-lease.js';
import type { ActivityDependencies } from '../dependencies.js';
import type { MoveQueueActivities, ReleaseActivities, WaitActivities } from '../queues.js';
import { ADD_TENANT_BORDERS } from './add-tenant.js';
import { type Caller, type KnownCaller, requireParent } from './caller.js';
import { requireImages } from './images.js';
import { publish } from './publish.js';
import * as read from './readers.js';
import { ofProduction, requireCanaries } from './tenants.js';
import type { Borders } from './with-borders.js';

const { release, rollback, move, lane, watch, drift, deliver } = WORKFLOWS;
const repositories = (sent: unknown) => read.images(sent, parseRepository);
const optionalImages = (sent: unknown) => listOf('optional', sent ?? [], parseRepository, 50);
const tagStates = (sent: unknown) => read.images(sent, parseTagState);

/** Images of a release are those of the configuration; a rollback may also go back to those that it had. */
const imagesOf = (worker: ActivityDependencies, { type, workflowId }: Caller, images: Repository[]) =>
  requireImages(worker, images, type === rollback ? parseRunId(workflowId).sha : null);

const targetsOf = (worker: ActivityDependencies, { kind, sha, images }: MoveInput) =>
  requireImages(
    worker,
    images.map(({ repository }) => repository),
    kind === 'rollback' ? sha : null,
  );

/**
 * Requires that a mover moves for a run of this gate; returns that run, as the server knows it.
 * @param isLater whether the move may have begun: then that run may be gone.
 */
const requireMove = (
  { client, config }: ActivityDependencies,
  { parent }: KnownCaller,
  input: MoveInput,
  isLater: boolean,
): Promise<RunRef> => requireParent(client, parent, input, { lane: config.lane, isLater });

const isRetry = () => activityInfo().attempt > 1;

/** Requires that a request is the caller's own. */
function requireOwn({ workflowId, runId }: Caller, other: RunRef): void {
  if (other.workflowId !== workflowId || other.runId !== runId)
    throw new MoveRefusal('foreign', `${workflowId} speaks for itself, not for ${other.workflowId}`);
}

/** Requires that a run is one of this lane. */
function requireSameLane({ config }: ActivityDependencies, { workflowId }: Pick<RunRef, 'workflowId'>): void {
  if (laneOf(workflowId) !== config.lane) throw new InvalidInput(`${workflowId} is no run of lane "${config.lane}"`);
}

function requireSha({ workflowId }: Caller, id: string): void {
  if (workflowId !== id) throw new InvalidInput(`${workflowId} is not ${id}`);
}

/** Borders of the main queue. */
export const RELEASE_BORDERS: Borders<ReleaseActivities> = {
  loadPlan: {
    from: [release],
    args: [parseReleaseInput],
    check: ({ config }, caller, { sha }) => requireSha(caller, releaseId(config.lane, sha)),
  },
  loadImages: {
    from: [rollback],
    // A workflow of an older worker names no build.
    args: [(sent) => (sent === undefined ? undefined : parseSha(sent))],
    check: ({ config }, caller, sha) => sha && requireSha(caller, rollbackId(config.lane, sha)),
  },
  verifyIdentity: { from: [release, rollback], args: [read.token] },
  resolveBuild: {
    from: [release],
    args: [parseSha, repositories, optionalImages],
    check: (worker, caller, _sha, images) => imagesOf(worker, caller, images),
  },
  resolveTarget: {
    from: [rollback],
    args: [parseSha, repositories, (sent) => listOf('known', sent, parseRecordedImage, 50), optionalImages],
    check: (worker, caller, _sha, images) => imagesOf(worker, caller, images),
  },
  readBuildTags: {
    from: [release, rollback],
    args: [parseSha, repositories],
    check: (worker, caller, _sha, images) => imagesOf(worker, caller, images),
  },
  awaitBuild: {
    from: [release],
    args: [parseSha, parsePlan, read.moment],
    check: (worker, _caller, _sha, { tenants }) => requireCanaries(worker, tenants),
  },
  watchFleet: {
    from: [release],
    args: [parseSha, parsePlan, parseFleetWatchInput],
    check: (worker, _caller, _sha, { tenants }) => requireCanaries(worker, tenants),
  },
  smokeTenant: {
    from: [release],
    args: [parsePlannedTenant, read.pause, read.isoOrNull],
    check: (worker, _caller, tenant) => requireCanaries(worker, [tenant]),
  },
  loadWatchPlan: {
    from: [watch],
    args: [parseWatchInput],
    check: ({ config }, caller, { sha }) => requireSha(caller, watchProductionId(config.lane, sha)),
  },
  deliverBuild: {
    from: [watch],
    args: [read.watchedMove],
    check: ({ config }, caller, { sha }) => requireSha(caller, watchProductionId(config.lane, sha)),
  },
  chooseRollback: { from: [watch], args: [read.watchedMove] },
  watchProduction: {
    from: [watch],
    args: [read.watchedMove, parseWatchPlan, parseWatchState],
    replace: async (worker, _caller, input, plan, seen) => [
      input,
      { ...plan, tenants: await ofProduction(worker, plan.tenants) },
      seen,
    ],
  },
  ...ADD_TENANT_BORDERS,
};

/** Borders of the mover's queue. What writes a tag, or changes the ledger, is asked for by a run that the server knows. */
export const MOVE_BORDERS: Borders<MoveQueueActivities> = {
  publish,
  preflightMove: {
    from: [move],
    args: [read.moveInput],
    check: (worker, _caller, input) => targetsOf(worker, input),
    async replace(worker, caller, input) {
      await requireMove(worker, caller, input, isRetry());
      return [input];
    },
  },
  moveTags: {
    from: [move],
    args: [read.moveInput, tagStates, (sent) => (sent === null ? null : read.run(sent))],
    // Its parent is whom the server names, not whom the arguments do.
    async replace(worker, caller, input, observed) {
      const parent = await requireMove(worker, caller, input, isRetry());
      // What has begun is finished or restored even if `CANARY_IMAGES` has changed since.
      if (!isRetry()) await targetsOf(worker, input);
      return [input, observed, parent];
    },
  },
  whereLatestStands: {
    from: [move, release, rollback],
    args: [read.moveInput],
    // A mover asks for what its preflight has checked.
    check: (worker, { type }, input) => (type === move ? undefined : targetsOf(worker, input)),
  },
  pointTag: {
    from: [release, rollback],
    args: [parseTag, (sent) => read.images(sent, read.pinned)],
    check(worker, caller, tag, images) {
      const { canaryTag } = worker.config;
      if (tag !== canaryTag) throw new InvalidInput(`:${tag} refused: CANARY_TAG is ${canaryTag ?? 'not set'}`);
      return imagesOf(
        worker,
        caller,
        images.map(({ repository }) => repository),
      );
    },
  },
  reportMove: {
    from: [move],
    args: [parseMoveReport],
    async replace(worker, caller, report) {
      if (report.moverRunId !== caller.runId)
        throw new MoveRefusal('foreign', `${caller.workflowId} reports for itself, not for ${report.moverRunId}`);
      // After a move its parent may be gone.
      return [{ ...report, parent: await requireMove(worker, caller, report.input, true) }];
    },
  },
  confirmHolder: {
    from: [release],
    args: [read.laneRequest],
    check: (_worker, caller, request) => requireOwn(caller, request),
  },
  knownBuild: { from: [rollback], args: [parseSha] },
  announceRollback: {
    from: [rollback],
    args: [read.rollbackRequest],
    check: ({ config }, caller, { sha }) => requireSha(caller, rollbackId(config.lane, sha)),
  },
  findRollback: { from: [lane], args: [parseRollbackRequest] },
  findMover: { from: [lane], args: [parseMoveReport] },
  findGone: { from: [lane], args: [(sent) => listOf('waiting', sent, read.waitingRun, 1_000)] },
  endMover: { from: [rollback], args: [read.pause] },
  requireLastRollback: { from: [rollback], args: [] },
  recoverLane: { from: [lane], args: [read.flag, parseLaneState] },
  reread: { from: [lane], args: [tagStates] },
  keepLedger: { from: [lane], args: [] },
  startWatch: { from: [lane], args: [read.watchedMove] },
  lookForDrift: { from: [drift], args: [] },
  reportDrift: { from: [drift], args: [parseDrift] },
};

/** Borders of the wait queue. */
export const WAIT_BORDERS: Borders<WaitActivities> = {
  waitForLane: {
    from: [release],
    args: [read.laneRequest],
    check: (_worker, caller, request) => requireOwn(caller, request),
  },
  awaitResume: { from: [release], args: [] },
  awaitVerdict: { from: [lane], args: [read.run], check: (worker, _caller, run) => requireSameLane(worker, run) },
  awaitClosed: {
    from: [lane, release, rollback],
    args: [read.openRun],
    check: (worker, _caller, run) => requireSameLane(worker, run),
  },
  deliver: {
    from: [deliver],
    args: [read.sink, read.event],
    check: (worker, _caller, _sink, event) => requireSameLane(worker, event),
  },
  publish,
};
