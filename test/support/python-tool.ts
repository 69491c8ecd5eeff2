import { spawnSync } from 'node:child_process';
import { existsSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { repositoryRoot } from '../../testbed/tools.js';

/** Time limit of an installation, in milliseconds. Without the tool, its tests are skipped. */
const INSTALL_MS = 120_000;

/** Installs a package of PyPI once, into `.tools/python/`; returns its folder for PYTHONPATH, or null if that is not possible. */
export function pythonTool(name: string, version: string): string | null {
  const folder = join(repositoryRoot, '.tools', 'python', `${name}-${version}`);
  if (existsSync(folder)) return folder;
  const scratch = `${folder}.${process.pid}`;
  const quiet = [
    '--quiet',
    '--no-compile',
    '--disable-pip-version-check',
    '--retries',
    '1',
    '--root-user-action',
    'ignore',
  ];
  const args = ['-m', 'pip', 'install', ...quiet, '--only-binary', ':all:', '--target', scratch, `${name}==${version}`];
  const { status } = spawnSync('python3', args, { timeout: INSTALL_MS });
  if (status === 0) renameSync(scratch, folder);
  rmSync(scratch, { recursive: true, force: true });
  return existsSync(folder) ? folder : null;
}
