import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { basename, join } from 'node:path';
import { repositoryRoot } from '../../testbed/tools.js';

/** A cold build of either takes a minute on a slow machine; one that takes longer is done without. */
const BUILD_MS = 180_000;

/** A program of Go's, built once into `.tools/go/`; null where there is no Go, or it could not be built. */
export function goTool(module: string, version: string): string | null {
  const bin = join(repositoryRoot, '.tools', 'go', `${module.replaceAll(/[^a-z0-9]+/gi, '-')}-${version}`);
  const program = join(bin, basename(module));
  if (existsSync(program)) return program;
  const env = { ...process.env, GOBIN: bin };
  const { status } = spawnSync('go', ['install', `${module}@${version}`], { env, timeout: BUILD_MS });
  return status === 0 && existsSync(program) ? program : null;
}
