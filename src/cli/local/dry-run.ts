import { type Config, readSetting } from '../../config/schema.js';
import type { Lane } from '../../contract/ids.js';
import type { Repository, Tag } from '../../contract/image.js';
import type { LaneState, Ledger } from '../../contract/lane.js';
import type { MoveInput, RecordedImage } from '../../contract/move.js';
import type { PinnedImage, ReleaseInput } from '../../contract/release.js';
import type { Sha } from '../../contract/sha.js';
import {
  belowFloor,
  describeChange,
  foreignRevisions,
  leftOut,
  missingAttestations,
  missingPlatforms,
  targetOf,
} from '../../domain/one-build.js';
import { otherImages } from '../../lane/drift.js';
import { previewRequest } from '../../lane/queue.js';
import { floorEvidence } from '../../lane/rollback.js';
import { preflight } from '../../move/preflight.js';
import { resolveBuild } from '../../move/resolve-build.js';
import { NO_EVIDENCE, withFloor } from '../../move/rollback-floor.js';
import type { Registry } from '../../registry/context.js';
import { RegistryError } from '../../registry/transport/errors.js';
import { compareUrl } from '../../report/compare.js';
import { LANE_UNAVAILABLE, LONG_READ_MS } from '../../temporal/lane-client.js';
import { isUnavailable, readLane } from '../../temporal/lane-view.js';
import { type Given, type Io, wantsJson } from '../command.js';
import { EXIT } from '../exit-codes.js';
import { queryOrReason } from '../lane-query.js';
import { noteLines } from '../print/status.js';
import { withRegistry } from './with-registry.js';

/** What the ledger adds to a dry run. */
interface LedgerContext {
  /** Images that would move. */
  images: Repository[];
  /** Other images, which a rollback leaves where they are. */
  left?: Repository[];
  /** Digests of the build's last move; if empty, its staging tag is resolved. */
  recordedImages: RecordedImage[];
  /** Null without a lane that answers. */
  ledger: Ledger | null;
  /** Adds lines and JSON fields about the pinned images, and gives the exit code. */
  preview: (registry: Registry, pinned: PinnedImage[], doubts: string[]) => Preview | Promise<Preview>;
}

export interface Preview {
  lines: string[];
  data: object;
  code: number;
}

export type ContextOf = (registry: Registry, config: Config) => LedgerContext | Promise<LedgerContext>;

/** By the registry alone. */
export const withoutLedger =
  (preview: (doubts: string[]) => Preview): ContextOf =>
  (_registry, { images }) => ({
    images,
    recordedImages: [],
    ledger: null,
    preview: (_same, _pinned, doubts) => preview(doubts),
  });

/** `--dry-run`: runs every registry check that a move begins with, from this machine; prints what would move, and moves nothing. */
export function dryRun(
  kind: MoveInput['kind'],
  { sha }: { sha: Sha },
  given: Given,
  io: Io,
  contextOf: ContextOf,
): Promise<number> {
  return withRegistry(io, async (registry, config) => {
    try {
      const { images, left = [], recordedImages, ledger, preview } = await contextOf(registry, config);
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
      // Those that the gate has since the build, too.
      const notMoved = [...new Set([...config.images, ...left])].filter(
        (image) => !pinned.some(({ repository }) => repository === image),
      );
      const { lines, data, code } = await preview(registry, pinned, doubts);
      if (wantsJson(given))
        io.out(JSON.stringify({ dryRun: true, kind, sha, images: pinned, doubts, warnings, notMoved, ...data }));
      else
        for (const line of [
          ...pinned.map((image) => moveLine(image, registry.latest)),
          ...pinned.flatMap(({ repository, change }) => (change ? `${repository}: ${describeChange(change)}` : [])),
          ...noteLines({ warnings, notMoved }, ''),
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

/** The lane's state; a text is the reason why it cannot be read. */
export const readState = (lane: Lane, io: Io): Promise<LaneState | string> =>
  queryOrReason(io, async (client) => {
    const state = await readLane(client, lane, LONG_READ_MS);
    return isUnavailable(state) ? LANE_UNAVAILABLE[state] : state;
  });
