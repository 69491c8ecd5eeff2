import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { repositoryRoot } from '../../testbed/tools.js';

/** Runs the command line in a separate process, as people do. */
export function canary(args: string[], env: NodeJS.ProcessEnv, cwd?: string) {
  const child = spawn(process.execPath, [join(repositoryRoot, 'bin', 'canary.js'), ...args], {
    env: { PATH: process.env.PATH, HOME: process.env.HOME, ...env },
    cwd,
  });
  let said = '';
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk) => {
      said += chunk;
    });
  return {
    child,
    /** Output so far, stdout and stderr. */
    said: () => said,
    exit: once(child, 'close').then(([code]) => code as number),
  };
}
