import { type Config, readSetting } from '../../config/schema.js';
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
import { lastMoveOf } from '../../lane/ledger.js';
import { previewRequest } from '../../lane/queue.js';
import { digestsOfMove, floorEvidence, previewRollback } from '../../lane/rollback.js';
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
import { againstCopy, IN_DOUBT, ledgerKeys, readLedgerCopy } from './ledger-copy.js';
import { withRegistry } from './with-registry.js';

/** What the ledger adds to a dry run. */
interface LedgerContext {
  /** Images that would move. */
  images: Repository[];
  /** Digests of the build's last move; if empty, its staging tag is resolved. */
  recordedImages: RecordedImage[];
  /** Null without a lane that answers. */
  ledger: Ledger | null;
  /** Adds lines and JSON fields about the pinned images, and gives the exit code. */
  preview: (registry: Registry, pinned: PinnedImage[], doubts: string[]) => Preview | Promise<Preview>;
}

interface Preview {
  lines: string[];
  data: object;
  code: number;
}

type ContextOf = (registry: Registry, config: Config) => LedgerContext | Promise<LedgerContext>;

/** By the registry alone. */
const withoutLedger =
  (preview: (doubts: string[]) => Preview): ContextOf =>
  (_registry, { images }) => ({
    images,
    recordedImages: [],
    ledger: null,
    preview: (_same, _pinned, doubts) => preview(doubts),
  });

/** `--dry-run`: runs every registry check that a move begins with, from this machine; prints what would move, and moves nothing. */
function dryRun(
  kind: MoveInput['kind'],
  { sha }: { sha: Sha },
  given: Given,
  io: Io,
  contextOf: ContextOf,
): Promise<number> {
  return withRegistry(io, async (registry, config) => {
    try {
      const { images, recordedImages, ledger, preview } = await contextOf(registry, config);
      const { optionalImages: optional } = config;
      const resolved = await resolveBuild(registry, sha, images, io.signal, {
        known: recordedImages,
        incomplete: kind === 'rollback',
        optional,
        absentMs: 0,
      });
      const evidence = ledger ? floorEvidence(ledger, sha) : NO_EVIDENCE;
      const pinned = kind === 'rollback' ? await withFloor(registry, sha, resolved, evidence, io.signal) : resolved;
      const targets = pinned.map(targetOf);
      const absent = images.filter((image) => !targets.some((one) => one.repository === image));
      const warnings = [...missingAttestations(pinned), ...(ledger ? otherImages(ledger, config.images) : [])];
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
    // What speaks against the build holds a release for an approval, and is told of a `promote`.
    const told = withoutLedger((doubts) => ({ lines: doubts, data: {}, code: EXIT.done }));
    return dryRun('promotion', input, given, io, told);
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
  return dryRun('promotion', input, given, io, (_registry, { images }) => ({
    images,
    recordedImages: [],
    ledger: state.ledger,
    preview: (_same, _pinned, doubts) => ({
      lines: [...doubts, ...lines],
      data: { refused, live, compare: compare ?? null },
      code: refused === null ? EXIT.done : EXIT.refused,
    }),
  }));
}

/** `rollback --dry-run`: what the registry answers, what the lane would mark known bad, and whether it would refuse. If the lane
 * does not answer, the registry alone; with `--direct`, the copy of the ledger. */
export async function dryRunRollback(lane: Lane, input: RollbackInput, given: Given, io: Io): Promise<number> {
  if (given.options.direct) return dryRun('rollback', input, given, io, byCopy(input, io));
  const state = await readState(lane, io);
  if (typeof state === 'string') {
    io.err(
      `canary: by the registry alone; known-bad builds, and what the lane would refuse, are not checked: ${state}`,
    );
    const judged = withoutLedger((doubts) => refusal(doubts, input));
    return dryRun('rollback', input, given, io, judged);
  }
  const { sha, reason, requestedBy: by = 'unknown' } = input;
  const run = { workflowId: rollbackId(lane, sha), runId: 'dry run' };
  const recordedImages = digestsOfMove(state, sha) ?? [];
  return dryRun('rollback', input, given, io, (_registry, config) => ({
    images: imagesOf(recordedImages, config.images),
    recordedImages,
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
      const { lines, data, code } = refusal(refused, input);
      return {
        data: { bad, hold: 'after-rollback', ...data },
        lines: [
          bad.length > 0 ? `would be marked bad: ${bad.join(', ')}` : 'no build would be marked bad',
          'automatic promotion would be held afterwards: the next GREEN build waits for approval',
          ...lines,
        ],
        code,
      };
    },
  }));
}

/** `rollback --direct --dry-run`: what that command would read, and whether it would refuse. */
const byCopy =
  (input: RollbackInput, io: Io): ContextOf =>
  async (registry, config) => {
    const { force, sha } = input;
    const against = force ? null : await (await import('./reason-against.js')).reasonAgainst(io, config.lane);
    const { copy, problems } = await readLedgerCopy(registry, config, ledgerKeys(io), io);
    const ledger = copy?.isSigned ? copy.ledger : null;
    return {
      images: config.images,
      recordedImages: (ledger && lastMoveOf(ledger, sha)?.images) ?? [],
      ledger,
      preview(_same, pinned, doubts) {
        const doubted = [...againstCopy(registry, input, copy, pinned), ...(problems.length > 0 ? [IN_DOUBT] : [])];
        return refusal([...(against === null ? [] : [against]), ...doubted, ...doubts], input, ' --direct');
      },
    };
  };

/** What a rollback needs force for, as its dry run prints it. */
function refusal(refused: string[], { sha, force }: RollbackInput, direct = ''): Preview {
  const why = refused.join('; ');
  const isRefused = refused.length > 0 && !force;
  return {
    data: { refused },
    lines: [
      ...(why && force ? [`forced, although: ${why}`] : []),
      ...(isRefused ? [`would be REFUSED: ${why}`, `canary rollback ${sha}${direct} --force --reason …`] : []),
    ],
    code: isRefused ? EXIT.refused : EXIT.done,
  };
}

/** The lane's state; a text is the reason why it cannot be read. */
const readState = (lane: Lane, io: Io): Promise<LaneState | string> =>
  queryOrReason(io, async (client) => {
    const state = await readLane(client, lane, LONG_READ_MS);
    return isUnavailable(state) ? LANE_UNAVAILABLE[state] : state;
  });
