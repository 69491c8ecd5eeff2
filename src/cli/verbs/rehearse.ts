import type { MoveInput, TagState } from '../../contract/move.js';
import type { PinnedImage } from '../../contract/release.js';
import type { Sha } from '../../contract/sha.js';
import { foreignRevisions } from '../../domain/one-build.js';
import { preflight } from '../../move/preflight.js';
import { resolveBuild } from '../../move/resolve-build.js';
import type { Registry } from '../../registry/context.js';
import { RegistryError } from '../../registry/transport/errors.js';
import { type Given, type Io, wantsJson } from '../command.js';
import { EXIT } from '../exit-codes.js';
import { withRegistry } from '../local-gate.js';

/** What the ledger adds to a rehearsal. */
interface LedgerContext {
  /** Where the build was put; empty: its tag says. */
  recordedImages: TagState[];
  /** What else is told of the images as they are pinned, and how the rehearsal ends. */
  preview: (
    registry: Registry,
    pinned: PinnedImage[],
    doubts: string[],
  ) => Promise<{ lines: string[]; data: object; code: number }>;
}

const NO_LEDGER: LedgerContext = {
  recordedImages: [],
  preview: async (_registry, _pinned, doubts) => ({ lines: doubts, data: {}, code: EXIT.done }),
};

/** `--dry-run`: every check of the registry that a move begins with, from this machine; says what would move, and moves nothing. */
export function dryRun(
  kind: MoveInput['kind'],
  { sha }: { sha: Sha },
  given: Given,
  io: Io,
  { recordedImages, preview }: LedgerContext = NO_LEDGER,
): Promise<number> {
  return withRegistry(io, async (registry, { images }) => {
    try {
      const pinned = await resolveBuild(registry, sha, images, io.signal, recordedImages);
      const targets = pinned.map(({ repository, digest, latest }) => ({ repository, to: digest, from: latest }));
      await preflight(registry, { kind, images: targets }, io.signal);
      const doubts = foreignRevisions({ sha }, pinned);
      const { lines, data, code } = await preview(registry, pinned, doubts);
      if (wantsJson(given)) io.out(JSON.stringify({ dryRun: true, kind, sha, images: pinned, doubts, ...data }));
      else for (const line of [...pinned.map(moveLine), ...lines, 'dry run: nothing was moved']) io.out(line);
      return code;
    } catch (error) {
      if (!(error instanceof RegistryError)) throw error;
      io.err(`canary: dry run: ${error.message}`);
      return EXIT.fault;
    }
  });
}

function moveLine({ repository, digest, latest }: PinnedImage): string {
  if (latest === digest) return `${repository}:latest stays on ${digest}`;
  return `${repository}:latest would move from ${latest ?? 'nothing'} to ${digest}`;
}
