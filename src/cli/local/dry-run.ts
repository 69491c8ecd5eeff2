import { readSetting } from '../../config/schema.js';
import { type Lane, rollbackId } from '../../contract/ids.js';
import { type Repository, stagingTag, type Tag } from '../../contract/image.js';
import type { LaneState, Ledger } from '../../contract/lane.js';
import type { MoveInput, RecordedImage, TagState } from '../../contract/move.js';
import type { PinnedImage, ReleaseInput, RollbackInput } from '../../contract/release.js';
import type { Sha } from '../../contract/sha.js';
import {
  belowFloor,
  describeChange,
  foreignRevisions,
  leftOut,
  missingAttestations,
  missingPlatforms,
  pushedAgain,
  targetOf,
} from '../../domain/one-build.js';
import { otherImages } from '../../lane/drift.js';
import { previewRequest } from '../../lane/queue.js';
import { digestsOfMove, floorEvidence, previewRollback, type RollbackPreview } from '../../lane/rollback.js';
import { preflight } from '../../move/preflight.js';
import { resolveBuild } from '../../move/resolve-build.js';
import { NO_EVIDENCE, withFloor } from '../../move/rollback-floor.js';
import type { Registry } from '../../registry/context.js';
import { readTag } from '../../registry/read-tag.js';
import { RegistryError } from '../../registry/transport/errors.js';
import { compareUrl } from '../../report/compare.js';
import { LANE_UNAVAILABLE, LONG_READ_MS } from '../../temporal/lane-client.js';
import { isUnavailable, readLane } from '../../temporal/lane-view.js';
import { type Given, type Io, wantsJson } from '../command.js';
import { EXIT } from '../exit-codes.js';
import { queryOrReason } from '../lane-query.js';
import { withRegistry } from './with-registry.js';

/** What the ledger adds to a dry run. */
interface LedgerContext {
  /** Digests of the build's last move; if empty, its staging tag is resolved. */
  recordedImages: RecordedImage[];
  /** Null without a lane that answers. */
  ledger: Ledger | null;
  /** Adds lines and JSON fields about the pinned images, and gives the exit code. */
  preview: (
    registry: Registry,
    pinned: PinnedImage[],
    doubts: string[],
  ) => Promise<{ lines: string[]; data: object; code: number }>;
}

const NO_LEDGER: LedgerContext = {
  recordedImages: [],
  ledger: null,
  preview: async (_registry, _pinned, doubts) => ({ lines: doubts, data: {}, code: EXIT.done }),
};

/** `--dry-run`: runs every registry check that a move begins with, from this machine; prints what would move, and moves nothing. */
function dryRun(
  kind: MoveInput['kind'],
  { sha }: { sha: Sha },
  given: Given,
  io: Io,
  { recordedImages, ledger, preview }: LedgerContext = NO_LEDGER,
): Promise<number> {
  return withRegistry(io, async (registry, { images, optionalImages: optional }) => {
    try {
      const resolved = await resolveBuild(registry, sha, imagesOf(recordedImages, images), io.signal, {
        known: recordedImages,
        incomplete: kind === 'rollback',
        optional,
        absentMs: 0,
      });
      const evidence = ledger ? floorEvidence(ledger, sha) : NO_EVIDENCE;
      const pinned = kind === 'rollback' ? await withFloor(registry, sha, resolved, evidence, io.signal) : resolved;
      const targets = pinned.map(targetOf);
      const absent = imagesOf(recordedImages, images).filter(
        (image) => !targets.some((one) => one.repository === image),
      );
      const warnings = [...missingAttestations(pinned), ...(ledger ? otherImages(ledger, images) : [])];
      await preflight(registry, { kind, images: targets }, io.signal, (line) => void warnings.push(line));
      const doubts = [
        ...foreignRevisions({ sha }, pinned).map(({ text }) => text),
        ...belowFloor(pinned),
        ...missingPlatforms(pinned),
        ...leftOut(absent),
      ];
      const { lines, data, code } = await preview(registry, pinned, doubts);
      if (wantsJson(given))
        io.out(JSON.stringify({ dryRun: true, kind, sha, images: pinned, doubts, warnings, ...data }));
      else
        for (const line of [
          ...pinned.map((image) => moveLine(image, registry.latest)),
          ...pinned.flatMap(({ repository, change }) => (change ? `${repository}: ${describeChange(change)}` : [])),
          ...warnings.map((line) => `warning: ${line}`),
          ...lines,
          'dry run: nothing was moved, and whether :latest may be overwritten was not tried',
        ])
          io.out(line);
      return code;
    } catch (error) {
      if (!(error instanceof RegistryError)) throw error;
      io.err(`canary: dry run: ${error.message}`);
      return EXIT.fault;
    }
  });
}

/** A rollback moves the images that the ledger has for the build. */
const imagesOf = (recorded: TagState[], configured: Repository[]) =>
  recorded.length > 0 ? recorded.map(({ repository }) => repository) : configured;

function moveLine({ repository, digest, latest, unchanged }: PinnedImage, tag: Tag): string {
  if (unchanged && latest === digest) return `${repository}:${tag} stays on ${digest}: this build has no image of it`;
  if (latest === digest) return `${repository}:${tag} stays on ${digest}`;
  return `${repository}:${tag} would move from ${latest ?? 'nothing'} to ${digest}`;
}

/** `release --dry-run` and `promote --dry-run`: what the registry answers, and whether the lane would refuse. If the lane does not answer, the registry alone. */
export async function dryRunPromotion(lane: Lane, input: ReleaseInput, given: Given, io: Io): Promise<number> {
  const state = await readState(lane, io);
  if (typeof state === 'string') {
    io.err(`canary: by the registry alone; known-bad builds and the sequence are not checked: ${state}`);
    return dryRun('promotion', input, given, io);
  }
  const { sha, promoteOnly } = input;
  const { refused, forced } = previewRequest(state.ledger, input);
  const { sha: live = null } = state.ledger.history.at(-1) ?? {};
  const repository = readSetting(io.env, 'githubRepo');
  const compare = compareUrl({ commitUrl: input.commitUrl, repository }, live, sha);
  const lines = [
    ...(compare === undefined ? [] : [`what changes: ${compare}`]),
    ...(forced !== null ? [`forced, although: ${sha} ${forced}`] : []),
    ...(refused !== null ? [`would be REFUSED: ${sha} ${refused}`] : []),
    ...(refused !== null && promoteOnly ? [`canary promote ${sha} --force --reason …`] : []),
  ];
  return dryRun('promotion', input, given, io, {
    recordedImages: [],
    ledger: state.ledger,
    preview: async (_registry, _pinned, doubts) => ({
      lines: [...doubts, ...lines],
      data: { refused, live, compare: compare ?? null },
      code: refused === null ? EXIT.done : EXIT.refused,
    }),
  });
}

/** `rollback --dry-run`: what the registry answers, what the lane would mark known bad, and whether it would refuse. If the lane
 * does not answer, the registry alone. */
export async function dryRunRollback(lane: Lane, input: RollbackInput, given: Given, io: Io): Promise<number> {
  const state = await readState(lane, io);
  if (typeof state === 'string') {
    io.err(`canary: by the registry alone; known-bad builds and refusals are not checked: ${state}`);
    return dryRun('rollback', input, given, io);
  }
  const { sha, reason, requestedBy: by = 'unknown', force = false } = input;
  const run = { workflowId: rollbackId(lane, sha), runId: 'dry run' };
  return dryRun('rollback', input, given, io, {
    recordedImages: digestsOfMove(state, sha) ?? [],
    ledger: state.ledger,
    preview: async (registry, pinned, doubts) => {
      const request = {
        ...run,
        sha,
        by,
        reason,
        images: pinned.map(({ repository, digest }) => ({ repository, digest })),
      };
      const { bad, ...preview } = previewRollback(state, request, Date.now());
      const tags = await Promise.all(
        pinned.map(async ({ repository }) => ({
          repository,
          digest: await readTag(registry, repository, stagingTag(sha), io.signal),
        })),
      );
      const refused = [preview.refused, ...doubts, ...pushedAgain(pinned, tags)].filter((why) => why !== null);
      return {
        data: { bad, hold: 'after-rollback', refused },
        lines: previewLines({ bad, refused: refused.join('; ') || null }, force, sha),
        code: refused.length > 0 && !force ? EXIT.refused : EXIT.done,
      };
    },
  });
}

function previewLines({ bad, refused }: RollbackPreview, force: boolean, sha: string): string[] {
  return [
    bad.length > 0 ? `would be marked bad: ${bad.join(', ')}` : 'no build would be marked bad',
    'automatic promotion would be held afterwards: the next GREEN build waits for approval',
    ...(refused && force ? [`forced, although: ${refused}`] : []),
    ...(refused && !force ? [`would be REFUSED: ${refused}`, `canary rollback ${sha} --force --reason …`] : []),
  ];
}

/** The lane's state; a text is the reason why it cannot be read. */
const readState = (lane: Lane, io: Io): Promise<LaneState | string> =>
  queryOrReason(io, async (client) => {
    const state = await readLane(client, lane, LONG_READ_MS);
    return isUnavailable(state) ? LANE_UNAVAILABLE[state] : state;
  });
