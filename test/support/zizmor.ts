import { spawnSync } from 'node:child_process';
import { tool } from '../../testbed/tools.js';

const found = tool('zizmor');
export const lacksZizmor = found === undefined;

/** What zizmor says of the workflows and actions of a folder, and its exit code. */
export function zizmor(folder: string): { status: number | null; said: string } {
  const args = [
    '--offline',
    '--no-progress',
    '--quiet',
    '--persona=auditor',
    '--min-severity=medium',
    '--format=plain',
  ];
  const { status, stdout, stderr } = spawnSync(found?.path ?? '', [...args, folder], { encoding: 'utf8' });
  return { status, said: stdout + stderr };
}
