import type { MoveInput } from '../../domain/move.js';
import { foreignRevisions } from '../../domain/one-build.js';
import type { PinnedImage } from '../../domain/release.js';
import type { Sha } from '../../domain/sha.js';
import { preflight } from '../../move/preflight.js';
import { resolveBuild } from '../../move/resolve-build.js';
import { RegistryError } from '../../registry/errors.js';
import { type Given, type Io, wantsJson } from '../command.js';
import { EXIT } from '../exit-codes.js';
import { withRegistry } from '../local-gate.js';

/** `--dry-run`: every check of the registry that a move begins with, from this machine; says what would move, and moves nothing. */
export function rehearse(kind: MoveInput['kind'], { sha }: { sha: Sha }, given: Given, io: Io): Promise<number> {
  return withRegistry(io, async (registry, { images }) => {
    try {
      const pinned = await resolveBuild(registry, sha, images, io.signal);
      const targets = pinned.map(({ repository, digest, latest }) => ({ repository, to: digest, from: latest }));
      await preflight(registry, { kind, images: targets }, io.signal);
      const doubts = foreignRevisions({ sha }, pinned);
      if (wantsJson(given)) io.out(JSON.stringify({ dryRun: true, kind, sha, images: pinned, doubts }));
      else for (const line of [...pinned.map(moveLine), ...doubts, 'dry run: nothing was moved']) io.out(line);
      return EXIT.done;
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
