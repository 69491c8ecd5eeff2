import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { basename, join } from 'node:path';
import { repositoryRoot } from '../../testbed/tools.js';

/** Time limit of a build: a cold build takes a minute on a slow machine. Without the tool, its tests are skipped. */
const BUILD_MS = 180_000;

/** Builds a Go program once, into `.tools/go/`; null if there is no Go, or the build failed. */
export function goTool(module: string, version: string): string | null {
  const bin = join(repositoryRoot, '.tools', 'go', `${module.replaceAll(/[^a-z0-9]+/gi, '-')}-${version}`);
  const program = join(bin, basename(module));
  if (existsSync(program)) return program;
  const env = { ...process.env, GOBIN: bin };
  const { status } = spawnSync('go', ['install', `${module}@${version}`], { env, timeout: BUILD_MS });
  return status === 0 && existsSync(program) ? program : null;
}
